//! vclust acting on Debian: it reads mirrors and the machine's apt configuration.
