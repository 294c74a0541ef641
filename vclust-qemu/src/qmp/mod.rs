//! QMP, the protocol in which QEMU is asked and told things: a JSON value a line, over a socket.
//!
//! The few commands that are needed do not warrant a binding of the whole protocol. Every exchange has
//! a deadline, and what QEMU may say is bounded, as a guest that took over its QEMU would say it.

mod client;
mod error;

pub(crate) use client::Qmp;
