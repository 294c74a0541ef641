//! Clusters as users have them: `vclust up` and what follows it, with real machines under QEMU.
//!
//! These tests fetch Debian's packages and need root, so `make test-up` runs them and a plain test run
//! does not. The image and the template that they start from stay in the target directory for the next
//! time. Each ends with a look for anything that was left running, mounted or half-written.
//!
//! Those of the module `xen` take a Xen host; `make test-xen` starts one and runs them there.

mod booting;
mod failing;
mod installing;
mod kills;
mod left;
mod private;
mod refused;
mod site;
mod usable;
mod xen;
