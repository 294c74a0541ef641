//! One question to an NFS server: is there an export of that name?
//!
//! A remote procedure call (RFC 5531) of NFS version 4.0 (RFC 7530) with two operations: take the root,
//! look the name up in it.

use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

const NFS_PROGRAM: u32 = 100_003;
const COMPOUND: u32 = 1;
const PUT_ROOT_HANDLE: u32 = 24;
const LOOK_UP: u32 = 15;
/// The server waits for clients of its former life.
const GRACE: u32 = 10_013;
/// The server asks to come again.
const DELAY: u32 = 10_008;
/// Set in the length of a record that is whole.
const LAST: u32 = 1 << 31;
/// More than an answer to this question has.
const LONGEST: u32 = 4096;

/// What a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// There is.
    There,
    /// Not yet.
    Later,
    /// No, with the error's number.
    Refused(u32),
    /// Nobody answers.
    Nobody,
}

/// Asks the server, in the network of this thread.
pub(super) fn look_up(server: SocketAddrV4, name: &str) -> Answer {
    match ask(server, name) {
        Err(_) => Answer::Nobody,
        Ok(0) => Answer::There,
        Ok(GRACE | DELAY) => Answer::Later,
        Ok(status) => Answer::Refused(status),
    }
}

fn ask(server: SocketAddrV4, name: &str) -> io::Result<u32> {
    let mut stream = TcpStream::connect_timeout(&server.into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&question(name))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length & LAST == 0 || length & !LAST > LONGEST {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let mut answer = vec![0; (length & !LAST) as usize];
    stream.read_exact(&mut answer)?;
    status(&answer).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// The call, with its record mark.
fn question(name: &str) -> Vec<u8> {
    let mut words: Vec<u32> = vec![
        // the call's number, that it is a call, the version of calls, whom it is for
        1,
        0,
        2,
        NFS_PROGRAM,
        4,
        COMPOUND,
        // who asks: root (AUTH_SYS: stamp, no machine name, user, group, no more groups)
        1,
        20,
        0,
        0,
        0,
        0,
        0, // nothing to prove it
        0,
        0, // no tag, minor version, operations
        0,
        0,
        2,
        PUT_ROOT_HANDLE,
        LOOK_UP,
    ];
    words.push(name.len() as u32);
    let mut call: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
    call.extend_from_slice(name.as_bytes());
    call.resize(call.len().next_multiple_of(4), 0);
    let mut record = (LAST | call.len() as u32).to_be_bytes().to_vec();
    record.extend_from_slice(&call);
    record
}

/// The status of an answer: call number, that it is a reply, accepted, the verifier's flavour and
/// length, the call's success, then the status of all operations together.
fn status(answer: &[u8]) -> Option<u32> {
    let word = |place: usize| {
        let bytes = answer.get(4 * place..4 * place + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    if (word(0)?, word(1)?, word(2)?) != (1, 1, 0) {
        return None;
    }
    let verifier = word(4)?.min(LONGEST).div_ceil(4) as usize;
    if word(5 + verifier)? != 0 {
        return None;
    }
    word(6 + verifier)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(answer in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = status(&answer);
        }
    }

    #[test]
    fn answers_are_read_and_broken_ones_are_none() {
        let bytes = |words: &[u32]| -> Vec<u8> {
            words.iter().copied().flat_map(u32::to_be_bytes).collect()
        };
        assert_eq!(status(&bytes(&[1, 1, 0, 0, 0, 0, 2])), Some(2));
        assert_eq!(status(&bytes(&[1, 1, 0, 1, 4, 9, 0, 0])), Some(0));
        for broken in [&[][..], &[1, 1, 0], &[2, 1, 0, 0, 0, 0, 0], &[1, 1, 1, 0, 0, 0, 0]] {
            assert_eq!(status(&bytes(broken)), None);
        }
        assert_eq!(status(&bytes(&[1, 1, 0, 0, u32::MAX, 0, 0])), None);
    }
}
