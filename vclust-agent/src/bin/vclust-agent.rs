//! The first program of a node.

fn main() -> std::process::ExitCode {
    vclust_agent::node::run()
}
