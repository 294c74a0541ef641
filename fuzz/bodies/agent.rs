//! What the fuzz target of `vclust-agent` does with an input. Its tests include this file, too, and
//! run it over the corpus that is kept.

use vclust_agent::protocol::{LONGEST_REPORT, LineError, Lines, Report, write_line};

/// Longest text of a report that is shown, in characters, with the mark that more was left out.
const SHOWN: usize = 4001;
/// A length that inputs exceed.
const SHORT: usize = 64;

/// Everything that a node may send the head node, read as the head node reads it.
pub(crate) fn report(data: &[u8]) {
    for most in [LONGEST_REPORT, SHORT] {
        let lines = data.split(|byte| *byte == b'\n').count();
        let mut reader = Lines::<_, Report>::new(data, most);
        let mut answers = 0;
        loop {
            match reader.next_document() {
                Ok(None) => break,
                Ok(Some(report)) => shown(&report.cleaned()),
                Err(LineError::Read(error)) => panic!("memory can be read: {error}"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
            answers += 1;
        }
        assert!(answers <= lines, "{answers} answers to {lines} lines");
    }
}

/// A report as it goes on to people and into records.
fn shown(report: &Report) {
    let texts: Vec<&str> = match report {
        Report::Failed { doing, because } => vec![doing, because],
        Report::Ran { output, .. } => vec![output],
        _ => Vec::new(),
    };
    for text in texts {
        assert!(text.chars().count() <= SHOWN);
        assert!(text.chars().all(|letter| "\n\t".contains(letter) || !letter.is_control()));
    }
    if let Report::Hello { uptime: seconds, .. }
    | Report::Done { seconds, .. }
    | Report::Ready { uptime: seconds } = report
    {
        assert!(seconds.is_finite() && *seconds >= 0.0);
    }
    let mut line = Vec::new();
    write_line(&mut line, report).expect("memory can be written");
    let mut again = Lines::<_, Report>::new(line.as_slice(), usize::MAX);
    assert!(matches!(again.next_document(), Ok(Some(_))), "what is written can be read");
    assert_eq!(&report.clone().cleaned(), report, "what is clean stays as it is");
}
