"""What cards say: exchanges of bytes, without a device. Pure. The door is `hw.cards.tap.tap`."""
