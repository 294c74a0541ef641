//! The TOML format of a file of meta-packages.
//!
//! The tables are read into plain structs here and checked on the way into the set: an unknown key
//! is an error, because a misspelt `recommends` would otherwise go unnoticed.

use serde::Deserialize;

use super::error::MetaPackageError;
use super::member::{Member, MetaPackageId, Need, parse_entry};
use super::set::MetaPackage;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "meta-package", default)]
    meta_packages: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    id: String,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    includes: Vec<String>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    recommends: Vec<String>,
}

/// Reads the meta-packages in `text`; `origin` says in errors where it came from.
pub(super) fn parse(text: &str, origin: &str) -> Result<Vec<MetaPackage>, MetaPackageError> {
    let file: File = toml::from_str(text).map_err(|source| MetaPackageError::Syntax {
        origin: origin.to_owned(),
        source: Box::new(source),
    })?;
    file.meta_packages.into_iter().map(|table| check(table, origin)).collect()
}

fn check(table: Table, origin: &str) -> Result<MetaPackage, MetaPackageError> {
    let id = name(&table.id, origin)?;
    let aliases = names(&table.aliases, origin)?;
    let includes = names(&table.includes, origin)?;
    let mut members = Vec::with_capacity(table.packages.len() + table.recommends.len());
    let entries = table.packages.iter().map(|entry| (entry, Need::Required));
    for (entry, need) in
        entries.chain(table.recommends.iter().map(|entry| (entry, Need::Recommended)))
    {
        let alternatives = parse_entry(entry).ok_or_else(|| MetaPackageError::InvalidEntry {
            entry: entry.clone(),
            id: table.id.clone(),
            origin: origin.to_owned(),
        })?;
        members.push(Member::new(alternatives, need, id.clone()));
    }
    Ok(MetaPackage {
        id,
        title: table.title,
        description: table.description,
        aliases,
        includes,
        members,
        origin: origin.to_owned(),
    })
}

fn name(text: &str, origin: &str) -> Result<MetaPackageId, MetaPackageError> {
    MetaPackageId::new(text).ok_or_else(|| MetaPackageError::InvalidName {
        name: text.to_owned(),
        origin: origin.to_owned(),
    })
}

fn names(texts: &[String], origin: &str) -> Result<Vec<MetaPackageId>, MetaPackageError> {
    texts.iter().map(|text| name(text, origin)).collect()
}
