//! Paths that the administrator or another package has dpkg treat differently.
