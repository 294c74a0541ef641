//! The tables of the catalogue, and whether a file is one of ours.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::RepositoryError;
use crate::sqlite::use_log;

/// Marks a SQLite file as a catalogue of vclust: `vcCa`.
const APPLICATION: i32 = i32::from_be_bytes(*b"vcCa");
/// The form of the tables below.
const VERSION: i32 = 2;

/// Tables of an older form go: the manifests have all but the counts of uses.
const DROP: &str = "
    DROP TABLE IF EXISTS holder;
    DROP TABLE IF EXISTS product;
    DROP TABLE IF EXISTS package;
    DROP TABLE IF EXISTS build;
    DROP TABLE IF EXISTS image;
";

const TABLES: &str = "
    CREATE TABLE image (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        content TEXT NOT NULL,
        base TEXT,
        variant TEXT NOT NULL,
        request TEXT NOT NULL,
        architecture TEXT NOT NULL,
        files INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        created INTEGER NOT NULL,
        last_used INTEGER NOT NULL,
        uses INTEGER NOT NULL,
        build_seconds REAL NOT NULL
    ) STRICT;
    CREATE INDEX image_by_base ON image (base);
    CREATE TABLE build (
        key TEXT PRIMARY KEY,
        image TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE
    ) STRICT;
    CREATE INDEX build_by_image ON build (image);
    CREATE TABLE package (
        image TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        package TEXT NOT NULL,
        version TEXT NOT NULL,
        architecture TEXT NOT NULL,
        PRIMARY KEY (image, package, architecture)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE product (
        image TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (image, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE holder (
        name TEXT NOT NULL,
        image TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        PRIMARY KEY (name, image)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX holder_by_image ON holder (image);
";

/// Sets the connection up, and the file where it is new.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<(), RepositoryError> {
    let failed = |error| RepositoryError::of(path, error);
    let set_up = "PRAGMA synchronous = NORMAL;
                  PRAGMA foreign_keys = ON;
                  PRAGMA trusted_schema = OFF;
                  PRAGMA cell_size_check = ON;";
    connection.execute_batch(set_up).map_err(failed)?;
    let mut content = content(connection).map_err(failed)?;
    if is_to_be_made(content) {
        use_log(connection).map_err(failed)?;
        content = create(connection).map_err(failed)?;
    }
    match content {
        (APPLICATION, version, _) if version > VERSION => {
            Err(RepositoryError::Newer { path: path.to_owned(), version, known: VERSION })
        }
        (APPLICATION, _, _) => use_log(connection).map_err(failed),
        _ => Err(RepositoryError::Foreign { path: path.to_owned() }),
    }
}

/// Whose file it is, the form of its tables, and how many there are.
fn content(connection: &Connection) -> rusqlite::Result<(i32, i32, i64)> {
    // One statement sees one state of the file, even while another process makes the tables.
    let question = "SELECT (SELECT application_id FROM pragma_application_id),
                           (SELECT user_version FROM pragma_user_version),
                           (SELECT count(*) FROM sqlite_schema)";
    connection.query_row(question, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

/// Whether a file is empty, or a catalogue of an older form.
fn is_to_be_made(content: (i32, i32, i64)) -> bool {
    content == (0, 0, 0) || (content.0 == APPLICATION && content.1 < VERSION)
}

fn create(connection: &Connection) -> rusqlite::Result<(i32, i32, i64)> {
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Somebody else may have been faster.
    if is_to_be_made(content(connection)?) {
        transaction.execute_batch(DROP)?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    content(connection)
}
