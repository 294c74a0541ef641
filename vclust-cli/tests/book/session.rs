//! A shell in which a page's commands are run, one after the other, as its reader would.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::archive;
use super::blocks::{Block, Page, root};
use super::transcript::{Step, is_as_shown, steps};

/// Begins the line that says which command comes, or how it ended.
const MARK: char = '\u{1}';

/// A new directory to work in, and a state directory.
pub(crate) struct Session {
    place: TempDir,
    state: PathBuf,
    apt: Option<PathBuf>,
}

impl Session {
    /// With the small archive in the place of the machine's, and a state directory with nothing in it.
    pub(crate) fn small() -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let apt = archive::lay_out(&place.path().join(".apt"));
        let state = place.path().join(".state");
        Self { place, state, apt: Some(apt) }
    }

    /// With the machine's archive, and a state directory that keeps images for the next time.
    pub(crate) fn real() -> Self {
        let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book/state");
        fs::create_dir_all(&state).expect("a directory");
        let state = state.canonicalize().expect("a directory");
        Self { place: tempfile::tempdir().expect("a directory"), state, apt: None }
    }

    /// Runs the commands of blocks, and compares those that are wanted with what the page shows. Answers
    /// with their number and what is wrong.
    pub(crate) fn check(
        &self,
        page: &Page,
        blocks: &[&Block],
        wanted: impl Fn(&Block) -> bool,
        patience: Duration,
    ) -> (usize, Vec<String>) {
        let all: Vec<(&Block, Step)> = blocks
            .iter()
            .flat_map(|block| steps(block).into_iter().map(|step| (*block, step)))
            .collect();
        let ran = self.run(all.iter().map(|(_, step)| step), patience);
        let mut faults = Vec::new();
        for (place, (block, step)) in all.iter().enumerate() {
            let at = format!("{}: `$ {}`", block.at(), step.command);
            let Some((status, said)) = ran.get(place) else {
                faults.push(format!("{at} was not done, or the one before it, after {patience:?}"));
                break;
            };
            if !wanted(block) {
                continue;
            }
            if (*status == 0) == step.fails() {
                faults.push(format!("{at} ended with {status}:\n{}", said.join("\n")));
            } else if !step.shown.is_empty() && !is_as_shown(&step.shown, said) {
                faults.push(format!("{at} printed:\n{}", said.join("\n")));
            }
        }
        assert!(!all.is_empty(), "{} has no commands", page.path);
        (all.len(), faults)
    }

    /// Exit codes of commands, and what they printed on either channel.
    fn run<'a>(
        &self,
        steps: impl Iterator<Item = &'a Step>,
        patience: Duration,
    ) -> Vec<(i32, Vec<String>)> {
        let place = self.place.path();
        let programs = place.join(".bin");
        fs::create_dir(&programs).expect("a new directory");
        symlink(env!("CARGO_BIN_EXE_vclust"), programs.join("vclust")).expect("a link");
        symlink(root().join("demo"), place.join("demo")).expect("a link");
        let script = place.join(".commands");
        fs::write(&script, text_of(steps)).expect("a file");
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=10", &patience.as_secs().to_string(), "bash"])
            .arg(&script)
            .current_dir(place)
            .env_clear()
            .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.display()))
            .env("HOME", place)
            .env("LC_ALL", "C.UTF-8")
            .env("VCLUST_STATE_DIR", &self.state)
            .stdin(Stdio::null());
        match &self.apt {
            Some(configuration) => command.env("APT_CONFIG", configuration),
            // how the machine reaches its archive
            None => command
                .envs(std::env::vars().filter(|(name, _)| name.to_lowercase().ends_with("_proxy"))),
        };
        let output = command.output().expect("timeout and bash are installed");
        outcomes(&String::from_utf8_lossy(&output.stdout))
    }

    /// Clusters that a page's commands have not removed; they are removed now.
    pub(crate) fn clusters_left(&self) -> impl Iterator<Item = String> + '_ {
        let entries = fs::read_dir(self.state.join("clusters")).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| !name.starts_with('.')).inspect(|name| {
            let _ = Command::new(env!("CARGO_BIN_EXE_vclust"))
                .args(["down", name])
                .env("VCLUST_STATE_DIR", &self.state)
                .status();
        })
    }
}

/// The script that runs them in one shell, so that variables and directories stay.
fn text_of<'a>(steps: impl Iterator<Item = &'a Step>) -> String {
    let mut text = String::new();
    for step in steps {
        if let Some(name) = step.shows_file() {
            let shown = step.shown.join("\n");
            let _ = writeln!(
                text,
                "[ -e {name} ] || cat >{name} <<'END_OF_FILE'\n{shown}\nEND_OF_FILE"
            );
        }
        let _ = writeln!(text, "printf '\\n{MARK}begin\\n'\n{{\n{}\n}} 2>&1", step.command);
        let _ = writeln!(text, "printf '\\n{MARK}%d\\n' $?");
    }
    text
}

fn outcomes(output: &str) -> Vec<(i32, Vec<String>)> {
    let mut outcomes = Vec::new();
    for part in output.split(&format!("\n{MARK}begin\n")).skip(1) {
        let Some((said, status)) = part.rsplit_once(&format!("\n{MARK}")) else { break };
        let mut said: Vec<String> = said.lines().map(|line| line.trim_end().to_owned()).collect();
        while said.last().is_some_and(String::is_empty) {
            said.pop();
        }
        outcomes.push((status.trim().parse().expect("an exit code"), said));
    }
    outcomes
}
