//! One connection to a QEMU.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::{Value, json};

use super::error::QmpError;

/// Bytes of the longest message that is taken.
const LONGEST: usize = 1 << 20;
/// Events that are kept until somebody waits for them; a guest can cause some without end.
const EVENTS: usize = 256;

/// One connection to a QEMU.
pub(crate) struct Qmp {
    stream: UnixStream,
    /// How long each exchange may take.
    deadline: Duration,
    /// What came and is no whole message yet.
    buffer: Vec<u8>,
    events: VecDeque<Value>,
    version: String,
}

impl Qmp {
    /// Takes QEMU's greeting and answers it.
    pub(crate) fn greet(stream: UnixStream, deadline: Duration) -> Result<Self, QmpError> {
        let (buffer, events) = (Vec::new(), VecDeque::new());
        let mut qmp = Self { stream, deadline, buffer, events, version: String::new() };
        let greeting = qmp.message("the greeting", Instant::now() + deadline)?;
        let version = &greeting["QMP"]["version"];
        let number = |part: &str| version["qemu"][part].as_u64();
        let (Some(major), Some(minor), Some(micro)) =
            (number("major"), number("minor"), number("micro"))
        else {
            return Err(strange("the greeting", &greeting));
        };
        let package = version["package"].as_str().unwrap_or_default();
        format!("{major}.{minor}.{micro} {package}").trim().clone_into(&mut qmp.version);
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// QEMU's version, with that of its package.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Has QEMU do something; answers what it says.
    pub(crate) fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, QmpError> {
        self.exchange(command, arguments, None)
    }

    /// Hands QEMU an open file, which later commands know by a name.
    pub(crate) fn hand(&mut self, name: &str, file: &File) -> Result<(), QmpError> {
        self.exchange("getfd", &json!({ "fdname": name }), Some(file)).map(drop)
    }

    /// Waits for an event of a name that satisfies a question, and answers its data.
    pub(crate) fn wait<T>(
        &mut self,
        name: &str,
        deadline: Duration,
        mut question: impl FnMut(&Value) -> Option<T>,
    ) -> Result<T, QmpError> {
        let until = Instant::now() + deadline;
        loop {
            while let Some(event) = self.events.pop_front() {
                if event["event"] == name {
                    if let Some(answer) = question(&event["data"]) {
                        return Ok(answer);
                    }
                }
            }
            let message = self.message(name, until).map_err(|error| match error {
                QmpError::Late { command, .. } => QmpError::Late { command, deadline },
                other => other,
            })?;
            self.keep(message);
        }
    }

    fn exchange(
        &mut self,
        command: &str,
        arguments: &Value,
        file: Option<&File>,
    ) -> Result<Value, QmpError> {
        let until = Instant::now() + self.deadline;
        let mut text = json!({ "execute": command, "arguments": arguments }).to_string();
        text.push('\n');
        self.send(command, text.as_bytes(), file)?;
        loop {
            let mut message = self.message(command, until)?;
            if let Some(answer) = message.get_mut("return") {
                return Ok(answer.take());
            }
            if let Some(error) = message.get("error") {
                let description = error["desc"].as_str().unwrap_or("no reason is given");
                let description = description.chars().take(1000).collect();
                return Err(QmpError::Refused { command: command.to_owned(), description });
            }
            if message.get("event").is_none() {
                return Err(strange(command, &message));
            }
            self.keep(message);
        }
    }

    fn keep(&mut self, event: Value) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn send(&self, command: &str, text: &[u8], file: Option<&File>) -> Result<(), QmpError> {
        self.stream.set_write_timeout(Some(self.deadline))?;
        let late = || QmpError::Late { command: command.to_owned(), deadline: self.deadline };
        let mut rest = text;
        while !rest.is_empty() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            let descriptors = file.map(|file| [file.as_fd()]);
            // the file goes with the first byte
            if let (Some(descriptors), true) = (&descriptors, rest.len() == text.len()) {
                ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
            }
            let parts = [IoSlice::new(rest)];
            match sendmsg(&self.stream, &parts, &mut ancillary, SendFlags::NOSIGNAL) {
                Ok(sent) => rest = &rest[sent..],
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Err(late()),
                Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => {
                    return Err(QmpError::Gone { command: command.to_owned() });
                }
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
        Ok(())
    }

    /// The next message.
    fn message(&mut self, command: &str, until: Instant) -> Result<Value, QmpError> {
        let late = || QmpError::Late { command: command.to_owned(), deadline: self.deadline };
        let mut searched = 0;
        loop {
            if let Some(place) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=searched + place).collect();
                return match serde_json::from_slice(&line) {
                    Ok(value @ Value::Object(_)) => Ok(value),
                    _ => Err(strange(command, &String::from_utf8_lossy(&line))),
                };
            }
            searched = self.buffer.len();
            if searched > LONGEST {
                return Err(strange(command, &format!("a line of more than {LONGEST} bytes")));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(late());
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut bytes = [0; 8192];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(QmpError::Gone { command: command.to_owned() }),
                Ok(read) => self.buffer.extend_from_slice(&bytes[..read]),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Err(late()),
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::ConnectionReset => {
                        return Err(QmpError::Gone { command: command.to_owned() });
                    }
                    _ => return Err(error.into()),
                },
            }
        }
    }
}

fn strange(command: &str, text: &impl ToString) -> QmpError {
    let text = text.to_string().chars().take(200).collect();
    QmpError::Strange { command: command.to_owned(), text }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::thread;

    use super::*;

    const GREETING: &str = r#"{"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":"Debian"},"capabilities":[]}}"#;
    const SOON: Duration = Duration::from_millis(200);

    /// A QEMU that greets and then has an answer to each line, until it has no more; it stays silent
    /// for an empty one.
    fn qemu(greeting: &str, answers: &[&str]) -> Result<Qmp, QmpError> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let greeting = greeting.to_owned();
        let answers: Vec<String> = answers.iter().map(|&text| text.to_owned()).collect();
        thread::spawn(move || {
            let mut writer = theirs.try_clone().unwrap();
            let mut lines = BufReader::new(theirs).lines();
            let _ = writeln!(writer, "{greeting}\r");
            for answer in answers {
                if !matches!(lines.next(), Some(Ok(_))) {
                    return;
                }
                if answer.is_empty() {
                    thread::sleep(SOON * 2);
                }
                let _ = writeln!(writer, "{answer}\r");
            }
        });
        Qmp::greet(ours, SOON)
    }

    const DONE: &str = r#"{"return":{}}"#;

    #[test]
    fn answers_are_told_from_events() {
        let event = "{\"event\":\"RESUME\"}\n{\"event\":\"MIGRATION\",\"data\":{\"status\":\"a\"}}";
        let second = format!("{event}\n{{\"return\":{{\"status\":\"running\"}}}}");
        let mut qmp = qemu(GREETING, &[DONE, &second]).unwrap();
        assert_eq!(qmp.version(), "7.2.22 Debian");
        let answer = qmp.execute("query-status", &json!({})).unwrap();
        assert_eq!(answer["status"], "running");
        let status = |data: &Value| data["status"].as_str().map(str::to_owned);
        assert_eq!(qmp.wait("MIGRATION", SOON, status).unwrap(), "a");
        assert!(matches!(qmp.wait("STOP", SOON, status), Err(QmpError::Gone { .. })));
    }

    #[test]
    fn refusals_carry_the_reason() {
        let refusal = r#"{"error":{"class":"GenericError","desc":"no such device"}}"#;
        let error = qemu(GREETING, &[DONE, refusal]).unwrap().execute("stop", &json!({}));
        assert_eq!(error.unwrap_err().to_string(), "QEMU refuses `stop`: no such device");
    }

    #[test]
    fn a_silent_qemu_is_late() {
        let mut qmp = qemu(GREETING, &[DONE, ""]).unwrap();
        let start = Instant::now();
        let error = qmp.execute("stop", &json!({})).unwrap_err();
        assert!(matches!(error, QmpError::Late { .. }), "{error}");
        assert!(start.elapsed() < SOON * 2);
    }

    #[test]
    fn what_is_not_qmp_is_an_error() {
        for (greeting, answers) in [
            ("{}", &[DONE][..]),
            ("[1]", &[DONE]),
            ("QEMU", &[DONE]),
            (GREETING, &["{\"neither\":1}"]),
            (GREETING, &[&"x".repeat(3 * LONGEST)]),
        ] {
            let error = qemu(greeting, answers).err().expect(greeting);
            assert!(matches!(error, QmpError::Strange { .. }), "{error}");
            assert!(error.to_string().len() < 400);
        }
        assert!(matches!(qemu(GREETING, &[]), Err(QmpError::Gone { .. })));
    }
}
