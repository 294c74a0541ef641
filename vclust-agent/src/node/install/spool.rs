//! A file that grows while it is read: what a node has received of the archive so far.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Default)]
struct State {
    /// The file; none before there is a disk for it, and when nobody may read it any more.
    file: Option<Arc<File>>,
    /// Bytes that are there.
    received: u64,
    /// Nothing will come any more.
    is_over: bool,
    /// How many read from it on behalf of other nodes.
    readers: usize,
}

/// What has been received so far.
#[derive(Default)]
pub(super) struct Spool {
    state: Mutex<State>,
    changed: Condvar,
}

/// What there is to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now.
    Later,
    /// Nothing any more.
    Over,
}

impl Spool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives it an empty file.
    pub(super) fn keep_in(&self, file: File) {
        self.lock().file = Some(Arc::new(file));
    }

    /// Adds bytes; there is one who does.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let (file, at) = {
            let state = self.lock();
            (state.file.clone(), state.received)
        };
        let file = file.ok_or_else(|| io::Error::other("the archive's file was given up"))?;
        file.write_all_at(bytes, at)?;
        self.lock().received += bytes.len() as u64;
        self.changed.notify_all();
        Ok(())
    }

    /// Says that nothing will come any more.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Reads what is there from an offset on; waits for it a while.
    pub(super) fn read(&self, at: u64, buffer: &mut [u8], patience: Duration) -> io::Result<Read> {
        let (file, there) = {
            let nothing = |state: &mut State| state.received <= at && !state.is_over;
            let waited = self.changed.wait_timeout_while(self.lock(), patience, nothing);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let there = state.received.saturating_sub(at);
            match &state.file {
                Some(file) if there > 0 => (Arc::clone(file), there),
                _ if state.is_over => return Ok(Read::Over),
                _ => return Ok(Read::Later),
            }
        };
        let wanted = usize::try_from(there).unwrap_or(usize::MAX).min(buffer.len());
        file.read_exact_at(&mut buffer[..wanted], at)?;
        Ok(Read::Bytes(wanted))
    }

    /// Counts a reader on behalf of another node, until what is answered is dropped; nothing if there
    /// are that many already, or nobody may read any more.
    pub(super) fn reader(self: &Arc<Self>, most: usize) -> Option<Reader> {
        let mut state = self.lock();
        if state.readers >= most || (state.is_over && state.file.is_none()) {
            return None;
        }
        state.readers += 1;
        Some(Reader(Arc::clone(self)))
    }

    /// Waits a while for the readers, and gives the file up.
    pub(super) fn close(&self, patience: Duration) {
        let waited =
            self.changed.wait_timeout_while(self.lock(), patience, |state| state.readers > 0);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.file = None;
        state.is_over = true;
        drop(state);
        self.changed.notify_all();
    }
}

/// Somebody who reads on behalf of another node.
pub(super) struct Reader(Arc<Spool>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.lock().readers -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_get_what_is_there_and_wait_for_the_rest() {
        let spool = Arc::new(Spool::default());
        let mut buffer = [0; 4];
        let soon = Duration::from_millis(1);
        assert_eq!(spool.read(0, &mut buffer, soon).unwrap(), Read::Later);
        assert!(spool.append(b"early").is_err());
        spool.keep_in(tempfile::tempfile().unwrap());
        spool.append(b"abcdef").unwrap();
        assert_eq!(spool.read(0, &mut buffer, soon).unwrap(), Read::Bytes(4));
        assert_eq!(spool.read(4, &mut buffer, soon).unwrap(), Read::Bytes(2));
        assert_eq!(&buffer, b"efcd");
        assert_eq!(spool.read(6, &mut buffer, soon).unwrap(), Read::Later);
        spool.end();
        assert_eq!(spool.read(5, &mut buffer, soon).unwrap(), Read::Bytes(1));
        assert_eq!(spool.read(6, &mut buffer, soon).unwrap(), Read::Over);
        let reader = spool.reader(1).unwrap();
        assert!(spool.reader(1).is_none());
        spool.close(soon);
        drop(reader);
        assert_eq!(spool.read(0, &mut buffer, soon).unwrap(), Read::Over);
        assert!(spool.reader(1).is_none());
    }
}
