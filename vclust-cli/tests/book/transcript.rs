//! What a `console` block shows: commands behind `$ `, and what they print.
//!
//! `...` stands for any text in a line, and alone on a line for any number of lines. How many spaces are
//! between two words does not count, as columns are as wide as what varies in them.

use super::blocks::Block;

/// A command of a block.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    /// As it is typed; over several lines perhaps.
    pub(crate) command: String,
    /// What it prints; nothing if the page does not show that.
    pub(crate) shown: Vec<String>,
}

impl Step {
    /// Whether the page says that the command fails.
    pub(crate) fn fails(&self) -> bool {
        self.shown.iter().any(|line| line.starts_with("error:"))
    }

    /// The file that the page shows and nothing has made.
    pub(crate) fn shows_file(&self) -> Option<&str> {
        let name = self.command.strip_prefix("cat ")?;
        (!name.contains([' ', '|', '<', '>', '&', ';'])).then_some(name)
    }
}

/// The commands of a block, in their order.
pub(crate) fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in block.text.lines() {
        if goes_on {
            let step = steps.last_mut().expect("a command went on");
            step.command.push('\n');
            step.command += line;
            goes_on = is_open(&step.command);
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), shown: Vec::new() });
            goes_on = is_open(command);
        } else {
            let step = steps.last_mut();
            let step = step.unwrap_or_else(|| panic!("{}: no `$ ` before the output", block.at()));
            step.shown.push(line.to_owned());
        }
    }
    while let Some(step) =
        steps.iter_mut().find(|step| step.shown.last().is_some_and(String::is_empty))
    {
        step.shown.pop();
    }
    steps
}

/// Whether a shell would wait for more.
fn is_open(command: &str) -> bool {
    // an apostrophe in a comment opens nothing
    let typed = command.split(" # ").next().unwrap_or_default();
    typed.ends_with('\\') || typed.matches('\'').count() % 2 == 1
}

/// Whether what a command said is what the page shows.
pub(crate) fn is_as_shown(shown: &[String], said: &[String]) -> bool {
    match shown.split_first() {
        None => said.is_empty(),
        Some((first, rest)) if first.trim() == "..." => {
            (0..=said.len()).any(|skipped| is_as_shown(rest, &said[skipped..]))
        }
        Some((first, rest)) => said
            .split_first()
            .is_some_and(|(line, after)| is_line(first, line) && is_as_shown(rest, after)),
    }
}

fn is_line(shown: &str, said: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, said) = (plain(shown), plain(said));
    let mut parts = shown.split("...");
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::is_as_shown;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn dots_stand_for_what_varies_and_for_nothing_else() {
        let said =
            lines("mpi is ready after 4.07 s: 4 nodes\nnode   state\nmpi-1  ready\nmpi-2  ready");
        for shown in [
            "mpi is ready after ... s: 4 nodes\nnode state\n...",
            "...\nmpi-2 ready",
            "mpi is ... s: ... nodes\nnode state\nmpi-1 ready\nmpi-2 ready",
        ] {
            assert!(is_as_shown(&lines(shown), &said), "{shown}");
        }
        for shown in
            ["...\nmpi-1 ready", "mpi is ready after ... s: 5 nodes\n...", "node state\n..."]
        {
            assert!(!is_as_shown(&lines(shown), &said), "{shown}");
        }
    }
}
