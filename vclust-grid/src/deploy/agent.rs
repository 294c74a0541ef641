//! The head node's end of a channel: orders out, reports in, each within a deadline.

use std::io::{Read, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use vclust_agent::protocol::{LONGEST_REPORT, Lines, Order, Report, clean, write_line};
use vclust_core::DomainLine;

use super::cancel::Cancel;

/// Reports that may wait to be looked at. A node that says more than that waits until it is heard.
const WAITING: usize = 256;
/// Lines that are no reports, after which a node is not listened to any more.
const MOST_NONSENSE: u32 = 100;
/// How often a wish to stop is looked for.
const GLANCE: Duration = Duration::from_millis(50);

/// A channel to an agent.
pub(super) struct Agent {
    writer: Box<dyn Write + Send>,
    reports: Receiver<Report>,
}

/// Why no report came.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Silence {
    /// The node says that it cannot go on.
    Failed(String),
    /// The channel was closed: the machine is off.
    Ended,
    /// The deadline passed.
    Late(Duration),
    /// Somebody asked to stop.
    Cancelled,
}

impl Silence {
    /// In words.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Failed(reason) => reason.clone(),
            Self::Ended => "its machine ended".to_owned(),
            Self::Late(limit) => format!("it said nothing for {:.0} s", limit.as_secs_f64()),
            Self::Cancelled => "it was stopped on request".to_owned(),
        }
    }
}

impl Agent {
    /// Listens to a channel from now on.
    pub(super) fn on(line: DomainLine) -> Self {
        let (sender, reports) = mpsc::sync_channel(WAITING);
        let DomainLine { reader, writer } = line;
        thread::spawn(move || listen(reader, &sender));
        Self { writer, reports }
    }

    /// Gives an order.
    pub(super) fn order(&mut self, order: &Order) -> Result<(), Silence> {
        write_line(&mut self.writer, order).map_err(|_| Silence::Ended)
    }

    /// Waits for a report that answers; what else is reported is passed on to `other`.
    pub(super) fn wait<T>(
        &self,
        limit: Duration,
        cancel: &Cancel,
        mut answer: impl FnMut(&Report) -> Option<T>,
        mut other: impl FnMut(&Report),
    ) -> Result<T, Silence> {
        // a node that works says so from time to time
        let mut deadline = Instant::now() + limit;
        loop {
            if cancel.is_asked() {
                return Err(Silence::Cancelled);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.reports.recv_timeout(left.min(GLANCE)) {
                Ok(Report::Failed { doing, because }) => {
                    let because =
                        if because.is_empty() { doing } else { format!("{doing}: {because}") };
                    return Err(Silence::Failed(because));
                }
                Ok(report) => {
                    if let Some(found) = answer(&report) {
                        return Ok(found);
                    }
                    other(&report);
                    if matches!(report, Report::Done { .. }) {
                        deadline = Instant::now() + limit;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Silence::Ended),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return Err(Silence::Late(limit));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn listen(reader: Box<dyn Read + Send>, sender: &mpsc::SyncSender<Report>) {
    let mut lines = Lines::<_, Report>::new(reader, LONGEST_REPORT);
    let mut nonsense = 0;
    loop {
        match lines.next_document() {
            Ok(Some(report)) => {
                if sender.send(report.cleaned()).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                nonsense += 1;
                tracing::debug!("a node says what no agent says: {}", clean(&error.to_string()));
                let is_broken = matches!(error, vclust_agent::protocol::LineError::Read(_));
                if is_broken || nonsense >= MOST_NONSENSE {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(says: &'static [u8]) -> Agent {
        Agent::on(DomainLine { reader: Box::new(says), writer: Box::new(std::io::sink()) })
    }

    fn ready(report: &Report) -> Option<()> {
        matches!(report, Report::Ready { .. }).then_some(())
    }

    #[test]
    fn what_a_node_says_is_sorted_into_answers_and_the_rest() {
        let node =
            agent(b"nonsense\n{\"report\":\"prepared\"}\n{\"report\":\"ready\",\"uptime\":2}\n");
        let mut others = Vec::new();
        let limit = Duration::from_secs(5);
        node.wait(limit, &Cancel::new(), ready, |report| others.push(report.clone())).unwrap();
        assert_eq!(others, [Report::Prepared]);
        let end = node.wait(limit, &Cancel::new(), ready, |_| ()).unwrap_err();
        assert_eq!(end, Silence::Ended);
    }

    #[test]
    fn failure_silence_and_the_wish_to_stop_are_told_apart() {
        let node = agent(
            b"{\"report\":\"failed\",\"doing\":\"cannot mount\",\"because\":\"no \\u001bdisk\"}\n",
        );
        let limit = Duration::from_secs(5);
        let end = node.wait(limit, &Cancel::new(), ready, |_| ()).unwrap_err();
        assert_eq!(end, Silence::Failed("cannot mount: no disk".to_owned()));

        let (reader, _writer) = std::os::unix::net::UnixStream::pair().unwrap();
        let line = DomainLine { reader: Box::new(reader), writer: Box::new(std::io::sink()) };
        let node = Agent::on(line);
        let limit = Duration::from_millis(20);
        let end = node.wait(limit, &Cancel::new(), ready, |_| ()).unwrap_err();
        assert_eq!(end, Silence::Late(limit));
        let cancel = Cancel::new();
        cancel.ask();
        let end = node.wait(Duration::from_secs(60), &cancel, ready, |_| ()).unwrap_err();
        assert_eq!(end, Silence::Cancelled);
    }

    #[test]
    fn a_node_that_only_says_nonsense_is_left() {
        let text: &'static [u8] = Box::leak("x\n".repeat(1000).into_bytes().into_boxed_slice());
        let node = agent(text);
        let end = node.wait(Duration::from_secs(5), &Cancel::new(), ready, |_| ()).unwrap_err();
        assert_eq!(end, Silence::Ended);
    }
}
