//! What dpkg did when, from what it reports (`--status-fd`, dpkg(1)).

use std::time::Instant;

use vclust_core::{Step, StepKind};

/// Collects the steps of a run of dpkg.
#[derive(Debug)]
pub(super) struct Steps {
    done: Vec<Step>,
    current: Option<(StepKind, String, Instant)>,
    /// The first step that dpkg said had failed.
    failed: Option<(StepKind, String)>,
}

impl Steps {
    pub(super) fn new() -> Self {
        Self { done: Vec::new(), current: None, failed: None }
    }

    /// Takes a line that dpkg reported. A step ends when the next one begins.
    pub(super) fn heard(&mut self, at: Instant, line: &str) {
        if line.starts_with("status: ") && line.contains(" : error : ") && self.failed.is_none() {
            // dpkg goes on with triggers after that
            self.failed = self.current.as_ref().map(|(kind, name, _)| (*kind, name.clone()));
        }
        let Some(rest) = line.strip_prefix("processing: ") else { return };
        let Some((action, package)) = rest.split_once(": ") else { return };
        self.finish(at);
        let kind = match action {
            "install" | "upgrade" => StepKind::Unpack,
            "configure" => StepKind::Configure,
            "trigproc" => StepKind::Trigger,
            _ => return,
        };
        let name = package.split(':').next().unwrap_or(package).trim();
        self.current = Some((kind, name.to_owned(), at));
    }

    /// What dpkg is doing: the step that a failure belongs to.
    pub(super) fn current(&self) -> Option<(StepKind, &str)> {
        let failed = self.failed.as_ref().map(|(kind, package)| (*kind, package.as_str()));
        let current = self.current.as_ref();
        failed.or_else(|| current.map(|(kind, package, _)| (*kind, package.as_str())))
    }

    /// Ends the last step.
    pub(super) fn finish(&mut self, at: Instant) {
        if let Some((step, package, from)) = self.current.take() {
            let seconds = at.saturating_duration_since(from).as_secs_f64();
            self.done.push(Step { step, package, seconds });
        }
    }

    /// How many steps are done.
    pub(super) fn count(&self) -> usize {
        self.done.len()
    }

    /// The steps in their order.
    pub(super) fn into_steps(self) -> Vec<Step> {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn steps_last_until_the_next_one() {
        let start = Instant::now();
        let mut steps = Steps::new();
        let lines = [
            (0, "processing: configure: libc6:amd64"),
            (10, "status: libc6:amd64: half-configured"),
            (20, "status: libc6:amd64: installed"),
            (20, "processing: configure: dash"),
            (50, "processing: trigproc: libc-bin"),
        ];
        for (after, line) in lines {
            steps.heard(start + Duration::from_millis(after), line);
        }
        assert_eq!(steps.current(), Some((StepKind::Trigger, "libc-bin")));
        steps.finish(start + Duration::from_millis(90));
        let told: Vec<(StepKind, String, f64)> = steps
            .into_steps()
            .into_iter()
            .map(|step| (step.step, step.package, (step.seconds * 1000.0).round()))
            .collect();
        let step = |kind, name: &str, seconds| (kind, name.to_owned(), f64::from(seconds));
        assert_eq!(
            told,
            [
                step(StepKind::Configure, "libc6", 20),
                step(StepKind::Configure, "dash", 30),
                step(StepKind::Trigger, "libc-bin", 40),
            ]
        );
    }
}
