//! A state directory of these tests, and the command run on it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::left::devices;

/// How long a command may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(400);

/// A state directory, and a directory for the specs of one test.
pub(crate) struct Site {
    pub(crate) state: PathBuf,
    pub(crate) place: TempDir,
    /// Network devices that were there before.
    pub(crate) devices: BTreeSet<String>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn succeeded(self) -> String {
        assert!(self.status.success(), "{}: {}{}", self.status, self.stdout, self.stderr);
        self.stdout
    }

    /// What a command that failed said, after a look at its exit code.
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.status.code(), Some(1), "{}{}", self.stdout, self.stderr);
        // with JSON the error is the answer
        self.stderr + &self.stdout
    }
}

impl Site {
    /// The site that all tests share, clean.
    pub(crate) fn new() -> Self {
        Self::at(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("up/state"))
    }

    /// A site in a state directory.
    pub(crate) fn at(state: &Path) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "this test starts clusters and needs root: run `make test-up` as root"
        );
        fs::create_dir_all(state).expect("a directory");
        let state = state.canonicalize().expect("a directory");
        let place = tempfile::tempdir().expect("a directory");
        let site = Self { state, place, devices: devices() };
        for cluster in site.clusters() {
            site.run(&["down", &cluster]);
        }
        site.run(&["doctor", "--clean"]).succeeded();
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a writable directory");
        path
    }

    /// A spec for machines of 256 MiB by a strategy, with what `[deploy]` has besides, and what comes
    /// before it.
    pub(crate) fn spec(&self, name: &str, strategy: &str, before: &str, deploy: &str) -> PathBuf {
        let text = format!(
            "name = \"{name}\"\nmemory = \"256MiB\"\n{before}\n[deploy]\nstrategy = \"{strategy}\"\n{deploy}\n"
        );
        self.write(&format!("{name}.toml"), &text)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .current_dir(self.place.path())
            .env("VCLUST_STATE_DIR", &self.state)
            .env_remove("VCLUST_FORMAT")
            .stdin(Stdio::null());
        command
    }

    /// Starts a command, its output in files.
    pub(crate) fn start(&self, name: &str, arguments: &[&str]) -> Running {
        self.start_command(name, self.command(arguments))
    }

    pub(crate) fn start_command(&self, name: &str, mut command: Command) -> Running {
        let files = [self.path(&format!("{name}.out")), self.path(&format!("{name}.err"))];
        let [out, err] = files.each_ref().map(|path| File::create(path).expect("a file"));
        let child = command.stdout(out).stderr(err).spawn().expect("vclust starts");
        Running { child, files }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.start("command", arguments).ends()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let all = [&["--format", "json"], arguments].concat();
        serde_json::from_str(&self.run(&all).succeeded()).expect("one JSON document")
    }

    /// Brings a cluster up that goes down with the value.
    pub(crate) fn up(&self, spec: &Path) -> Cluster<'_> {
        let answer = self.json(&["up", spec.to_str().expect("text")]);
        let name = answer["spec"]["name"].as_str().expect("a name").to_owned();
        assert_eq!(answer["cluster"]["state"], "ready");
        Cluster { site: self, name, answer }
    }

    /// The names of clusters that there are.
    pub(crate) fn clusters(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.state.join("clusters")) else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| !name.starts_with('.')).collect()
    }
}

/// The command; another one than that of this build where these tests run on another machine.
fn program() -> PathBuf {
    let given = std::env::var_os("VCLUST_TEST_COMMAND");
    given.map_or_else(|| env!("CARGO_BIN_EXE_vclust").into(), PathBuf::from)
}

/// A command that runs; killed if it is left.
pub(crate) struct Running {
    pub(crate) child: Child,
    files: [PathBuf; 2],
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.files[1]).expect("text")
    }

    /// Waits until a node has come to a stage so many times; the command has to write JSON.
    pub(crate) fn comes_to(&mut self, node: &str, stage: &str, times: usize) {
        let end = Instant::now() + PATIENCE;
        let is_it = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            event["event"] == "node" && event["node"] == node && event["stage"] == stage
        };
        while self.said().lines().filter(|line| is_it(line)).count() < times {
            assert!(Instant::now() < end, "{node} does not come to {stage}: {}", self.said());
            assert!(!self.has_ended(), "the command has ended: {}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    pub(crate) fn ends(mut self) -> Ran {
        let end = Instant::now() + PATIENCE;
        while !self.has_ended() {
            if Instant::now() > end {
                let [out, err] = self.read();
                panic!("not done after {} s: {out}{err}", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let status = self.child.wait().expect("a child");
        let [stdout, stderr] = self.read();
        Ran { status, stdout, stderr }
    }

    fn read(&self) -> [String; 2] {
        self.files.each_ref().map(|path| fs::read_to_string(path).expect("text"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A cluster that is up.
pub(crate) struct Cluster<'a> {
    pub(crate) site: &'a Site,
    pub(crate) name: String,
    pub(crate) answer: Value,
}

impl Cluster<'_> {
    /// Runs a command on a node, as the cluster's user, and answers what it wrote.
    pub(crate) fn on(&self, node: u32, command: &str) -> String {
        self.try_on("", node, command).succeeded()
    }

    pub(crate) fn try_on(&self, user: &str, node: u32, command: &str) -> Ran {
        let node = format!("{user}{name}/{name}-{node}", name = self.name);
        self.site.run(&["ssh", &node, "--", command])
    }

    /// The states of its nodes, as `vclust ps` has them.
    pub(crate) fn states(&self) -> Vec<String> {
        let answer = self.site.json(&["ps", &self.name]);
        let nodes = answer["clusters"][0]["nodes"].as_array().expect("nodes").iter();
        nodes.map(|node| node["state"].as_str().expect("a state").to_owned()).collect()
    }

    /// Waits until its nodes have these states.
    pub(crate) fn comes_to(&self, states: &[&str]) {
        let end = Instant::now() + PATIENCE;
        while self.states() != states {
            assert!(Instant::now() < end, "the nodes are {:?}", self.states());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// What a phase of its start took; none if there was no such phase.
    pub(crate) fn phase(&self, name: &str) -> Option<f64> {
        let phases = self.answer["cluster"]["phases"].as_array().expect("phases");
        let phase = phases.iter().find(|phase| phase["phase"] == name)?;
        phase["measured_seconds"].as_f64()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.site.state.join("clusters").join(&self.name)
    }

    /// Removes it; how many processes there were.
    pub(crate) fn down(self) -> u64 {
        let answer = self.site.json(&["down", &self.name]);
        assert_eq!(answer["removed"][0]["name"], self.name.as_str());
        answer["removed"][0]["processes"].as_u64().expect("a number")
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        if self.directory().exists() {
            self.site.run(&["down", &self.name]);
        }
    }
}
