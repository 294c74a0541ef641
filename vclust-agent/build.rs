//! Builds the agent that runs in nodes: statically linked, since what it starts from has no libraries.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=Cargo.toml");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_EMBED").is_none() {
        return;
    }
    let value = |name: &str| env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"));
    let target = value("TARGET");
    let directory = PathBuf::from(value("OUT_DIR")).join("node");
    let mut command = Command::new(value("CARGO"));
    // what cargo and its wrappers say about this build is not about that one
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let about_this = text.starts_with("CARGO_") && text != "CARGO_HOME"
            || matches!(&*text, "RUSTC_WORKSPACE_WRAPPER" | "RUSTC_WRAPPER" | "RUSTFLAGS");
        if about_this || text.starts_with("CLIPPY") {
            command.env_remove(name);
        }
    }
    let manifest = PathBuf::from(value("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let status = command
        .args(["build", "--bin", "vclust-agent", "--no-default-features", "--profile", "agent"])
        // out of the workspace, as a published crate, there is nothing that says what that profile is
        .args(["--config", "profile.agent.inherits='release'"])
        .arg("--manifest-path")
        .arg(manifest)
        .args(["--target", &target])
        .arg("--target-dir")
        .arg(&directory)
        .env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static")
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the agent for nodes was not built; what cargo says is above");
    let program = directory.join(target).join("agent/vclust-agent");
    println!("cargo:rustc-env=VCLUST_AGENT={}", program.display());
}
