//! Why a site cannot be simulated.

use thiserror::Error;

/// A description of a site that cannot be, or a task that no site can do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SiteError {
    /// Not TOML, or a field that is missing, unknown or of another type.
    #[error("the site's description is not in the right form")]
    Form(#[from] toml::de::Error),
    /// A number that has to be above zero.
    #[error("{field} is {value}; it must be a number above zero")]
    NotPositive {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: f64,
    },
    /// A number that cannot be below zero.
    #[error("{field} is {value}; it must be zero or more")]
    Negative {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: f64,
    },
    /// No nodes, or more than can be simulated.
    #[error("{nodes} nodes cannot be simulated; ask for 1 to {most}")]
    Nodes {
        /// Nodes asked for.
        nodes: u32,
        /// The most that can be.
        most: u32,
    },
    /// Nothing that was measured is of a kind that a site's values can be fitted to.
    #[error(
        "nothing to calibrate from: a site is fitted to transfers, installs and boots, clones and \
         reboots among phases"
    )]
    NoObservations,
}
