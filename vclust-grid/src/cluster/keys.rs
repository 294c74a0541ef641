//! The keys of a cluster: one by which its user goes from node to node, and one for each node, so that
//! nodes know each other before they have met.
//!
//! They are made anew for every cluster and nobody else has them. Ed25519 (RFC 8032), as a pair is made
//! in well under a millisecond.

use std::fmt;

use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::rand_core::OsRng;
use ssh_key::{LineEnding, PrivateKey};
use thiserror::Error;

/// A key pair could not be made. What `ssh-key` says is no error of the standard library as it is used
/// here, so it stands in the text.
#[derive(Debug, Error)]
#[error("cannot make a key pair for ssh: {0}")]
pub struct KeyError(ssh_key::Error);

/// A key pair of ssh.
pub struct SshKeyPair {
    private: String,
    public: String,
}

impl SshKeyPair {
    /// Makes a key pair; the comment tells readers whose it is.
    pub fn generate(comment: &str) -> Result<Self, KeyError> {
        let pair = KeypairData::Ed25519(Ed25519Keypair::random(&mut OsRng));
        let key = PrivateKey::new(pair, comment).map_err(KeyError)?;
        let private = key.to_openssh(LineEnding::LF).map_err(KeyError)?.as_str().to_owned();
        let public = key.public_key().to_openssh().map_err(KeyError)?;
        Ok(Self { private, public })
    }

    /// The private key as OpenSSH has it in a file, which only its owner may read.
    #[must_use]
    pub fn private(&self) -> &str {
        &self.private
    }

    /// The public key: a line of a file of authorized keys, without its end.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }
}

impl fmt::Debug for SshKeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // not the private one
        formatter.debug_tuple("SshKeyPair").field(&self.public).finish()
    }
}

/// All keys of a cluster.
#[derive(Debug)]
pub struct ClusterKeys {
    user: SshKeyPair,
    hosts: Vec<SshKeyPair>,
}

impl ClusterKeys {
    /// Makes the keys of a cluster with nodes of these names, for a user of it.
    pub fn generate<'a>(
        cluster: &str,
        user: &str,
        nodes: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, KeyError> {
        let user = SshKeyPair::generate(&format!("{user}@{cluster}"))?;
        let hosts = nodes.into_iter().map(|node| SshKeyPair::generate(&format!("root@{node}")));
        Ok(Self { user, hosts: hosts.collect::<Result<_, _>>()? })
    }

    /// The key of the cluster's user.
    #[must_use]
    pub fn user(&self) -> &SshKeyPair {
        &self.user
    }

    /// The keys of the nodes, in their order.
    #[must_use]
    pub fn hosts(&self) -> &[SshKeyPair] {
        &self.hosts
    }
}
