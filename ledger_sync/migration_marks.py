"""The statements of the sixth step of migrations.py: marks of holders that know of zones, moves,
and what they contradict.
"""

MARKS = (
    "DROP TRIGGER mark",
    "DROP TABLE feed_entry",
    "DROP TABLE holder_mark",
    *(
        f"DELETE FROM {table}"  # noqa: S608 - our own names
        for table in (
            *("feed", "feed_bundle", "head", "used", "conflict", "acknowledged"),
            "feed_evidence",
        )
    ),
    "UPDATE hybrid SET hlc = 0",
    """
CREATE TABLE holder_mark (
  holder INTEGER PRIMARY KEY, code_at INTEGER NOT NULL, way INTEGER NOT NULL,
  seen_at INTEGER NOT NULL, uses INTEGER NOT NULL,
  places TEXT NOT NULL DEFAULT '{}') STRICT""",
    """
CREATE TABLE feed_entry (
  id INTEGER PRIMARY KEY, body BLOB NOT NULL, sealed BLOB NOT NULL, holder INTEGER,
  code_at INTEGER, way INTEGER, seen_at INTEGER, zone INTEGER) STRICT""",
    """
CREATE TABLE move (
  place INTEGER PRIMARY KEY, holder INTEGER NOT NULL, zone INTEGER NOT NULL,
  at INTEGER NOT NULL, way INTEGER NOT NULL, digest BLOB NOT NULL, code_at INTEGER NOT NULL,
  quota INTEGER NOT NULL) STRICT""",
    "CREATE INDEX move_holder ON move (holder)",
    "CREATE INDEX move_at ON move (at)",
    """
CREATE TABLE presence_conflict (
  kind TEXT NOT NULL, first INTEGER NOT NULL, second INTEGER NOT NULL, found_at INTEGER NOT NULL,
  PRIMARY KEY (second, kind)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX presence_conflict_first ON presence_conflict (first)",
    """
CREATE TRIGGER mark AFTER INSERT ON feed_entry WHEN new.holder IS NOT NULL BEGIN
  INSERT INTO holder_mark VALUES (new.holder, new.code_at, new.way, new.seen_at,
    new.way = 0 AND new.zone <> 255,
    iif(new.zone = 255, '{}', '{"z' || new.zone || '":' || (new.seen_at * 2 + new.way) || '}'))
  ON CONFLICT (holder) DO UPDATE SET code_at = max(code_at, excluded.code_at),
    way = CASE WHEN (excluded.seen_at, excluded.way) > (seen_at, way)
      THEN excluded.way ELSE way END,
    seen_at = max(seen_at, excluded.seen_at), uses = uses + excluded.uses,
    places = CASE WHEN new.zone = 255 THEN places
      WHEN places = '{}' THEN excluded.places
      WHEN NOT instr(places, '"z' || new.zone || '":') THEN
        substr(places, 1, length(places) - 1) || ',' || substr(excluded.places, 2)
      WHEN CAST(substr(places, instr(places, '"z' || new.zone || '":')
        + length('"z' || new.zone || '":')) AS INTEGER) >= new.seen_at * 2 + new.way THEN places
      ELSE replace(places, '"z' || new.zone || '":' || CAST(substr(places,
        instr(places, '"z' || new.zone || '":') + length('"z' || new.zone || '":')) AS INTEGER),
        '"z' || new.zone || '":' || (new.seen_at * 2 + new.way)) END;
END""",
)
