//! Rows of the catalogue: what is known of images without reading their manifests.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use vclust_core::{PackageVersion, Sha256, Timestamp};

use super::manifest::{BuildKey, ImageKind, Manifest, root_archive};

/// A package of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredPackage {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its architecture, or `all`.
    pub architecture: String,
}

/// An image of the repository.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredImage {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: ImageKind,
    /// The digest of its content.
    pub content: Sha256,
    /// What a layer lies on.
    pub base: Option<String>,
    /// How it was made.
    pub variant: String,
    /// What was asked for beyond the variant, or the base.
    pub request: Vec<String>,
    /// Debian's name for the machines that it is for.
    pub architecture: String,
    /// Files, directories and links in it.
    pub files: u64,
    /// Bytes in its files.
    pub content_bytes: u64,
    /// When it was built.
    pub created: Timestamp,
    /// When it was last used, or built.
    pub last_used: Timestamp,
    /// How often it was used.
    pub uses: u64,
    /// Seconds that the build took.
    pub build_seconds: f64,
    /// Its packages, or those that a layer adds.
    pub packages: Vec<StoredPackage>,
    /// Its files: name and size.
    pub products: Vec<(String, u64)>,
}

impl StoredImage {
    /// Bytes of all its files.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.products.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The packages by name and version; one of two architectures has one version, and is there once.
    #[must_use]
    pub fn package_versions(&self) -> Vec<PackageVersion> {
        let mut packages: Vec<PackageVersion> = self
            .packages
            .iter()
            .map(|package| PackageVersion {
                package: package.package.clone(),
                version: package.version.clone(),
            })
            .collect();
        packages.dedup();
        packages
    }

    /// Bytes that a node has to get: those of the archive, or else of the largest file.
    #[must_use]
    pub fn transfer_bytes(&self) -> u64 {
        let archive = self.products.iter().find(|(name, _)| name == root_archive());
        let largest = || self.products.iter().max_by_key(|(_, bytes)| *bytes);
        archive.or_else(largest).map_or(0, |(_, bytes)| *bytes)
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn moment(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    let microseconds: i64 = row.get(column)?;
    let moment = Timestamp::from_unix_microseconds(microseconds);
    moment.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, microseconds))
}

fn image(row: &Row<'_>) -> rusqlite::Result<StoredImage> {
    let text = |error: vclust_core::Sha256Error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
    };
    let kind: String = row.get("kind")?;
    let content: String = row.get("content")?;
    let request: String = row.get("request")?;
    let count = |column: &str| row.get(column).map(i64::unsigned_abs);
    Ok(StoredImage {
        id: row.get("id")?,
        kind: if kind == ImageKind::Layer.name() { ImageKind::Layer } else { ImageKind::Image },
        content: content.parse().map_err(text)?,
        base: row.get("base")?,
        variant: row.get("variant")?,
        request: serde_json::from_str(&request).unwrap_or_default(),
        architecture: row.get("architecture")?,
        files: count("files")?,
        content_bytes: count("bytes")?,
        created: moment(row, "created")?,
        last_used: moment(row, "last_used")?,
        uses: count("uses")?,
        build_seconds: row.get("build_seconds")?,
        packages: Vec::new(),
        products: Vec::new(),
    })
}

/// All images, the latest built last.
pub(super) fn list(connection: &Connection) -> rusqlite::Result<Vec<StoredImage>> {
    // one state for all the questions
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
    let mut images: Vec<StoredImage> = transaction
        .prepare_cached("SELECT * FROM image ORDER BY created, id")?
        .query_map([], image)?
        .collect::<rusqlite::Result<_>>()?;
    for image in &mut images {
        complete(&transaction, image)?;
    }
    Ok(images)
}

fn complete(connection: &Connection, image: &mut StoredImage) -> rusqlite::Result<()> {
    let package = |row: &Row<'_>| {
        let (package, version, architecture) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(StoredPackage { package, version, architecture })
    };
    image.packages = connection
        .prepare_cached(
            "SELECT package, version, architecture FROM package WHERE image = ?1
             ORDER BY package, architecture",
        )?
        .query_map([&image.id], package)?
        .collect::<rusqlite::Result<_>>()?;
    image.products = connection
        .prepare_cached("SELECT name, bytes FROM product WHERE image = ?1 ORDER BY name")?
        .query_map([&image.id], |row| Ok((row.get(0)?, row.get(1).map(i64::unsigned_abs)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(())
}

/// An image by its whole name.
pub(super) fn get(connection: &Connection, id: &str) -> rusqlite::Result<Option<StoredImage>> {
    let mut question = connection.prepare_cached("SELECT * FROM image WHERE id = ?1")?;
    let Some(mut image) = question.query_row([id], image).optional()? else { return Ok(None) };
    complete(connection, &mut image)?;
    Ok(Some(image))
}

/// The name of what a build made.
pub(super) fn built(connection: &Connection, key: BuildKey) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT image FROM build WHERE key = ?1")?
        .query_row([key.to_string()], |row| row.get(0))
        .optional()
}

/// All names.
pub(super) fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT id FROM image ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// What came of writing a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Done,
    /// What the layer lies on is not there.
    NoBase,
}

/// Takes an image in, or anew; it keeps the count of its uses.
pub(super) fn insert(connection: &Connection, manifest: &Manifest) -> rusqlite::Result<Written> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let Manifest { id, key, image, .. } = manifest;
    if let Some(base) = &image.base {
        if get(&transaction, base)?.is_none() {
            return Ok(Written::NoBase);
        }
    }
    let created = image.created.unix_microseconds();
    transaction.execute(
        "INSERT INTO image (id, kind, content, base, variant, architecture, files, bytes, created,
                            last_used, uses, build_seconds, request)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, 0, ?10, ?11)
         ON CONFLICT (id) DO UPDATE SET
             kind = excluded.kind, content = excluded.content, base = excluded.base,
             variant = excluded.variant, architecture = excluded.architecture,
             files = excluded.files, bytes = excluded.bytes, created = excluded.created,
             last_used = max(last_used, excluded.last_used),
             build_seconds = excluded.build_seconds, request = excluded.request",
        params![
            id,
            image.kind.name(),
            image.content.to_string(),
            image.base,
            image.variant,
            image.architecture,
            number(image.files),
            number(image.bytes),
            created,
            image.build_seconds,
            serde_json::Value::from(image.request.clone()).to_string(),
        ],
    )?;
    also_built(&transaction, *key, id)?;
    transaction.execute("DELETE FROM package WHERE image = ?1", [id])?;
    transaction.execute("DELETE FROM product WHERE image = ?1", [id])?;
    {
        let mut package = transaction.prepare_cached(
            "INSERT OR REPLACE INTO package (image, package, version, architecture)
             VALUES (?1, ?2, ?3, ?4)",
        )?;
        for entry in &image.packages {
            package.execute(params![id, entry.package, entry.version, entry.architecture])?;
        }
        let mut product = transaction
            .prepare_cached("INSERT INTO product (image, name, bytes) VALUES (?1, ?2, ?3)")?;
        for entry in &image.products {
            product.execute(params![id, entry.name, number(entry.bytes)])?;
        }
    }
    transaction.commit()?;
    Ok(Written::Done)
}

/// Notes that a build made an image that was there.
pub(super) fn also_built(connection: &Connection, key: BuildKey, id: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO build (key, image) VALUES (?1, ?2)")?
        .execute(params![key.to_string(), id])?;
    Ok(())
}

/// Counts a use of an image and of what it lies on.
pub(super) fn used(connection: &Connection, id: &str, now: Timestamp) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE image SET uses = uses + 1, last_used = max(last_used, ?2)
             WHERE id = ?1 OR id = (SELECT base FROM image WHERE id = ?1)",
        )?
        .execute(params![id, now.unix_microseconds()])
}

/// What else needs an image: the names of layers on it, and of who holds it.
pub(super) fn needed_by(
    connection: &Connection,
    id: &str,
) -> rusqlite::Result<(Vec<String>, Vec<String>)> {
    let names = |question: &str| -> rusqlite::Result<Vec<String>> {
        connection.prepare_cached(question)?.query_map([id], |row| row.get(0))?.collect()
    };
    Ok((
        names("SELECT id FROM image WHERE base = ?1 ORDER BY id")?,
        names("SELECT name FROM holder WHERE image = ?1 ORDER BY name")?,
    ))
}

/// Takes an image out unless something needs it; false if something does.
pub(super) fn remove(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let (layers, holders) = needed_by(&transaction, id)?;
    if !layers.is_empty() || !holders.is_empty() {
        return Ok(false);
    }
    transaction.execute("DELETE FROM image WHERE id = ?1", [id])?;
    transaction.commit()?;
    Ok(true)
}

/// Takes out the row of an image whose files are gone.
pub(super) fn forget(connection: &Connection, id: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM image WHERE id = ?1", [id])?;
    Ok(())
}

/// Notes that somebody needs an image until it is released.
pub(super) fn hold(connection: &Connection, id: &str, name: &str) -> rusqlite::Result<()> {
    connection
        .execute("INSERT OR IGNORE INTO holder (name, image) VALUES (?1, ?2)", params![name, id])?;
    Ok(())
}

/// Who holds images.
pub(super) fn holders(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare("SELECT DISTINCT name FROM holder ORDER BY name")?;
    let names = query.query_map([], |row| row.get(0))?;
    names.collect()
}

/// Releases all that somebody holds.
pub(super) fn release(connection: &Connection, name: &str) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM holder WHERE name = ?1", [name])
}
