//! A scheduler that embeds vclust: it places clusters that are asked for at the same moment on several
//! sites, so that all of them are ready soon and no host holds more than it can.
//!
//! vclust says what a scheduler cannot know by itself: how long each site would take for each cluster, given
//! the packages that are asked for, the images that the site has, and what it measured. That is
//! [`predict`]. What is made of it is the scheduler's own: [`place()`] packs nodes into hosts and spreads
//! clusters over sites.
//!
//! Run it from the project's directory, on packages of this machine's apt:
//!
//! ```console
//! cargo run --release -p vclust-example-scheduler
//! ```

mod error;
mod hosts;
mod local_search;
mod place;
mod predict;
mod site;

pub use error::SchedulerError;
pub use hosts::{Host, NodeSize, pack};
pub use place::{Cost, Placement, Problem, first_fit, place};
pub use predict::{Prediction, predict};
pub use site::{Scenario, Site};
