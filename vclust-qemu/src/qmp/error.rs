//! Why an exchange with QEMU came to nothing.

use std::io;
use std::time::Duration;

use thiserror::Error;
use vclust_core::HypervisorProblem;

/// Why an exchange with QEMU came to nothing.
#[derive(Debug, Error)]
pub(crate) enum QmpError {
    /// QEMU did not answer in time.
    #[error("QEMU did not answer `{command}` within {:.1} s", deadline.as_secs_f64())]
    Late { command: String, deadline: Duration },
    /// QEMU closed the connection.
    #[error("QEMU ended during `{command}`")]
    Gone { command: String },
    /// QEMU refused.
    #[error("QEMU refuses `{command}`: {description}")]
    Refused { command: String, description: String },
    /// What came is not QMP.
    #[error("QEMU's answer to `{command}` is not QMP: {text}")]
    Strange { command: String, text: String },
    /// The connection failed.
    #[error("cannot speak to QEMU")]
    Io(#[from] io::Error),
}

impl From<QmpError> for HypervisorProblem {
    fn from(error: QmpError) -> Self {
        match error {
            QmpError::Late { command, deadline } => {
                Self::Late { deadline, said: format!("nothing to `{command}`") }
            }
            QmpError::Gone { .. } | QmpError::Refused { .. } | QmpError::Strange { .. } => {
                Self::Failed { said: error.to_string() }
            }
            QmpError::Io(_) => Self::Other(Box::new(error)),
        }
    }
}
