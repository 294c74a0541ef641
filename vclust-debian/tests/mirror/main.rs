//! Mirrors as users meet them: a real server, real signatures, and everything that goes wrong.
//!
//! Needs the Debian packages gpg, gpg-agent, gpgconf and gpgv.

mod archive;
mod good;
mod keys;
mod refused;
mod server;
mod unreliable;
