//! Benchmarks of vclust on real Debian data.
