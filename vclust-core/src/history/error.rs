//! Why an event is not taken into a history.

use thiserror::Error;

use super::timestamp::Timestamp;

/// A line that holds no event a history can take.
#[derive(Debug, Error)]
#[error("line {line}")]
pub struct HistoryError {
    /// Number of the line, the first being 1.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub rejection: Rejection,
}

/// What is wrong with an event.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Not JSON, or not of any known kind of event.
    #[error("it holds no event")]
    Malformed(#[from] serde_json::Error),
    /// Not UTF-8.
    #[error("it holds no event: it is not UTF-8")]
    NotText,
    /// More than a line may hold.
    #[error("no event: the line is longer than {limit} bytes")]
    TooLong {
        /// The most bytes that a line may have.
        limit: usize,
    },
    /// A measurement that is not a number, or infinite.
    #[error("{field} is {value}, which is no number of seconds")]
    NotFinite {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: f64,
    },
    /// A time that is not positive, where something was done.
    #[error("{field} is {value}; what was done took some time")]
    NotPositive {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: f64,
    },
    /// A number beyond anything that happens.
    #[error("{field} is {value}, beyond the {limit} that could be true")]
    Absurd {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: f64,
        /// The most that is taken.
        limit: f64,
    },
    /// No nodes, no packages, or an empty name.
    #[error("{field} is empty or zero")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A package listed twice in one event.
    #[error("package {package} is listed twice")]
    RepeatedPackage {
        /// The package.
        package: String,
    },
    /// A step of a package that the run did not install.
    #[error("a step names {package}, which the run did not install")]
    ForeignStep {
        /// The package.
        package: String,
    },
    /// Parts that take longer than the whole.
    #[error("{field} add up to {parts} s, more than the whole run's {whole} s")]
    Inconsistent {
        /// The fields that were added up.
        field: &'static str,
        /// Their sum in seconds.
        parts: f64,
        /// Seconds of the whole run.
        whole: f64,
    },
    /// The same event again.
    #[error("the same event as of {at} is there already")]
    Duplicate {
        /// When it happened.
        at: Timestamp,
    },
}
