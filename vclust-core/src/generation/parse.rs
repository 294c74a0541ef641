//! Policies by name, as the command line and reports write them.

use thiserror::Error;

use super::{
    ExpectedTime, ExpectedTimeOptions, Frequent, GenerationPolicy, Golden, KeepUsed, Landlord,
    Prepared,
};

/// A text that names no policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// No policy has this name.
    #[error(
        "there is no policy `{name}`; there are paper, keep-used, golden, static, landlord, \
         expected-time"
    )]
    Unknown {
        /// The name.
        name: String,
    },
    /// A parameter that the policy does not take.
    #[error("`{text}` is no parameter of the policy {policy}: {expected}")]
    Parameter {
        /// The policy.
        policy: &'static str,
        /// What was given.
        text: String,
        /// What would do.
        expected: &'static str,
    },
}

const REQUESTS: &str = "a number of requests from 1 to 1000000";

/// A policy by its name, with parameters after a colon:
///
/// | text | policy |
/// | --- | --- |
/// | `paper:N,M` | packages in at least M % of the last N requests; 100 and 50 |
/// | `keep-used` | each build's image, the least recently used evicted |
/// | `golden:N` | one image of what the first N requests share; 100 |
/// | `static:N` | the most requested sets of the first N requests; 100 |
/// | `landlord:A` | merging of requests nearer than A; 0.8 |
/// | `expected-time:H,K` | ours, requests decayed with a half-life of H requests, K being `layers`, where strategies stack them, or `images` alone; 10000 and `layers` |
pub fn parse_policy(text: &str) -> Result<Box<dyn GenerationPolicy>, PolicyError> {
    let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
    // An empty part is a parameter left out.
    let given: Vec<&str> =
        if parameters.is_empty() { vec![] } else { parameters.split(',').collect() };
    let given_at = |place: usize| given.get(place).filter(|part| !part.is_empty());
    let count = |place: usize, usual: usize, policy, expected| {
        let Some(part) = given_at(place) else { return Ok(usual) };
        part.parse()
            .ok()
            .filter(|count| (1..=1_000_000).contains(count))
            .ok_or_else(|| PolicyError::Parameter { policy, text: (*part).to_owned(), expected })
    };
    let number = |place: usize, usual: f64, most: f64, policy, expected| {
        let Some(part) = given_at(place) else { return Ok(usual) };
        let parsed = part.parse().ok().filter(|number| (0.0..=most).contains(number));
        parsed.ok_or_else(|| PolicyError::Parameter { policy, text: (*part).to_owned(), expected })
    };
    let at_most = |most: usize, policy| match given.get(most) {
        None => Ok(()),
        Some(part) => Err(PolicyError::Parameter {
            policy,
            text: (*part).to_owned(),
            expected: "it has fewer parameters",
        }),
    };
    match name {
        "paper" => {
            at_most(2, "paper")?;
            let last = count(0, 100, "paper", REQUESTS)?;
            let percent = number(1, 50.0, 100.0, "paper", "a share from 0 to 100 %")?;
            Ok(Box::new(Frequent::new(last, percent)))
        }
        "keep-used" => {
            at_most(0, "keep-used")?;
            Ok(Box::new(KeepUsed::new()))
        }
        "golden" => {
            at_most(1, "golden")?;
            Ok(Box::new(Golden::new(count(0, 100, "golden", REQUESTS)?)))
        }
        "static" => {
            at_most(1, "static")?;
            Ok(Box::new(Prepared::new(count(0, 100, "static", REQUESTS)?)))
        }
        "landlord" => {
            at_most(1, "landlord")?;
            let alpha = number(0, 0.8, 1.0, "landlord", "a Jaccard distance from 0 to 1")?;
            Ok(Box::new(Landlord::new(alpha)))
        }
        "expected-time" => {
            at_most(2, "expected-time")?;
            let usual = ExpectedTimeOptions::default();
            let layers = match given_at(1).copied() {
                None => usual.layers,
                Some("layers") => true,
                Some("images") => false,
                Some(text) => {
                    return Err(PolicyError::Parameter {
                        policy: "expected-time",
                        text: text.to_owned(),
                        expected: "layers or images",
                    });
                }
            };
            let half_life = count(0, usual.half_life, "expected-time", REQUESTS)?;
            let options = ExpectedTimeOptions { half_life, layers, ..usual };
            Ok(Box::new(ExpectedTime::new(options)))
        }
        _ => Err(PolicyError::Unknown { name: name.to_owned() }),
    }
}
