// the page; follows
