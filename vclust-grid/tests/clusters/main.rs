//! The records of clusters, with real processes, keys and kills.

mod cleaning;
mod keys;
mod made;
mod records;
