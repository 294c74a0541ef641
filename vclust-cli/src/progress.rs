//! Progress of downloads and imports: live bars on a terminal, nothing elsewhere.

mod nodes;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressFinish, ProgressStyle};
use vclust_debian::{InstallProgress, Progress};
use vclust_grid::{BuildProgress, ImagePlan};

pub(crate) use nodes::NodeLines;

/// Bars on stderr, one for each file that is fetched.
pub(crate) struct Bars {
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    pub(crate) fn new() -> Self {
        Self { all: MultiProgress::new(), bars: Mutex::new(HashMap::new()) }
    }

    /// Takes one report of a download.
    pub(crate) fn report(&self, progress: Progress<'_>) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars
            .entry(progress.what.to_owned())
            .or_insert_with(|| self.all.add(bar(progress.what)));
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.bytes);
        if progress.total == Some(progress.bytes) {
            bar.finish();
        }
    }

    /// Removes what is still shown.
    pub(crate) fn clear(&self) {
        // Failing to clear a line of a terminal that went away is nobody's loss.
        let _ = self.all.clear();
    }
}

fn bar(url: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{msg:30!} {bar:30} {decimal_bytes:>10}/{decimal_total_bytes:10} {decimal_bytes_per_sec:>12} {eta:>4}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    let name = url.rsplit('/').take(3).collect::<Vec<_>>();
    let name = name.into_iter().rev().collect::<Vec<_>>().join("/");
    ProgressBar::new(0).with_style(style).with_message(name)
}

/// A bar on stderr over so many bytes to read, or a spinner where nobody knows how many.
pub(crate) fn reading(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{msg} {bar:30} {decimal_bytes:>10}/{decimal_total_bytes:10} {decimal_bytes_per_sec:>12} {eta:>4}",
        ),
        None => {
            (ProgressBar::new_spinner(), "{msg} {spinner} {decimal_bytes} {decimal_bytes_per_sec}")
        }
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_finish(ProgressFinish::AndClear)
        .with_message("reading")
}

/// A bar on stderr over so many steps of something that is told by `what`.
pub(crate) fn steps(total: usize, what: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg:30!} {bar:30} {pos:>7}/{len:7} {per_sec:>12} {eta:>4}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(total as u64).with_style(style).with_message(what.to_owned());
    bar.with_finish(ProgressFinish::AndClear)
}

/// One line on stderr for a build: what it is at, how far, how fast.
pub(crate) struct BuildBars {
    bar: ProgressBar,
    download: ProgressStyle,
    count: ProgressStyle,
    spin: ProgressStyle,
    packages: u64,
    /// The step that the line is about.
    step: Mutex<&'static str>,
}

impl BuildBars {
    pub(crate) fn new(plan: &ImagePlan) -> Self {
        let style = |template: &str| {
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        let bytes = "{msg:22!} {bar:30} {decimal_bytes:>10}/{decimal_total_bytes:10} \
                     {decimal_bytes_per_sec:>12} {eta:>4}";
        Self {
            bar: ProgressBar::new(0),
            download: style(bytes),
            count: style("{msg:22!} {bar:30} {pos:>7}/{len:7} {per_sec:>12} {elapsed:>4}"),
            spin: style("{msg:22!} {spinner} {elapsed}"),
            packages: plan.packages.len() as u64,
            step: Mutex::new(""),
        }
    }

    /// Takes one report of a build.
    pub(crate) fn report(&self, progress: BuildProgress) {
        let (step, style, done, total) = match progress {
            BuildProgress::Waiting => ("waiting for a build", &self.spin, 0, 0),
            BuildProgress::Fetching(pool) if pool.total == 0 => {
                ("verifying packages", &self.count, pool.packages as u64, self.packages)
            }
            BuildProgress::Fetching(pool) => {
                ("fetching packages", &self.download, pool.bytes, pool.total)
            }
            BuildProgress::Installing(InstallProgress::Unpacked { packages, total }) => {
                ("unpacking packages", &self.count, packages as u64, total as u64)
            }
            BuildProgress::Installing(InstallProgress::Configured { steps, total }) => {
                ("configuring packages", &self.count, steps as u64, total.max(steps) as u64)
            }
            BuildProgress::Writing { bytes, total } => {
                ("writing the image", &self.download, bytes, total)
            }
            // a step that came later than this line
            _ => ("building", &self.spin, 0, 0),
        };
        let mut current = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != step {
            *current = step;
            self.bar.set_style(style.clone());
            self.bar.set_message(step);
            self.bar.reset();
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
