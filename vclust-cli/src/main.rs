//! The command `vclust`.

fn main() {}
