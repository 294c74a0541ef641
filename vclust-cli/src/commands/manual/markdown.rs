//! The reference of the command line as a page of the book.

use std::fmt::Write;

use clap::builder::StyledStr;
use clap::{Arg, Command};

const HEAD: &str = "\
# The command line

<!-- Written by `make reference` from the description that reads the arguments; change that, not this page. -->

`vclust COMMAND --help` shows the same, and so does `man vclust-COMMAND` where vclust was [installed](../how-to/install.md). What
answers look like with `--format json` is in [Formats](../formats.md), what exit codes mean in [Exit codes](exit-codes.md).
";

/// The page, of a command that was built.
pub(super) fn page(command: &Command) -> String {
    let mut page = HEAD.to_owned();
    page += "\n## All commands\n\n";
    for argument in listed(command) {
        describe(argument, &mut page);
    }
    let mut below = Vec::new();
    leaves(command, "vclust", &mut below);
    page += "\n| command | does |\n| --- | --- |\n";
    for (name, leaf) in &below {
        let about = leaf.get_about().map(plain).unwrap_or_default();
        let anchor = name.replace(' ', "-");
        let _ = writeln!(page, "| [`{name}`](#{anchor}) | {} |", about.replace('|', "\\|"));
    }
    for (name, leaf) in below {
        section(&name, leaf, &mut page);
    }
    page
}

/// The commands that do something, with their whole names.
fn leaves<'a>(command: &'a Command, name: &str, found: &mut Vec<(String, &'a Command)>) {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let name = format!("{name} {}", below.get_name());
        if below.has_subcommands() {
            leaves(below, &name, found);
        } else {
            found.push((name, below));
        }
    }
}

fn section(name: &str, command: &Command, page: &mut String) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage: ").to_owned();
    let about = command.get_long_about().or_else(|| command.get_about()).map(plain);
    let _ = write!(page, "\n## {name}\n\n{}\n", about.unwrap_or_default());
    let _ = write!(page, "\n```text\n{usage}\n```\n\n");
    for argument in listed(command) {
        describe(argument, page);
    }
    if let Some(text) = command.get_after_help() {
        let _ = write!(page, "\n```text\n{}\n```\n", text.to_string().trim_end());
    }
    while page.ends_with("\n\n") {
        page.pop();
    }
}

/// The arguments that are a command's own, positional ones first.
fn listed(command: &Command) -> Vec<&Arg> {
    // those for all commands are told of once, where they belong
    let inherited = |argument: &Arg| argument.is_global_set() && command.get_name() != "vclust";
    let common = |argument: &Arg| matches!(argument.get_id().as_str(), "help" | "version");
    let mut listed: Vec<&Arg> = command
        .get_arguments()
        .filter(|one| !one.is_hide_set() && !inherited(one) && !common(one))
        .collect();
    listed.sort_by_key(|argument| !argument.is_positional());
    listed
}

fn describe(argument: &Arg, page: &mut String) {
    let short = argument.get_short().filter(|_| argument.get_long().is_some());
    let short = short.map(|short| format!("-{short}, ")).unwrap_or_default();
    let help = argument.get_long_help().or_else(|| argument.get_help()).map(plain);
    let _ = write!(
        page,
        "- `{short}{argument}`: {}",
        help.unwrap_or_default().replace("\n\n", "\n\n  ")
    );
    let takes_value = argument.get_action().takes_values();
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|one| one.to_string_lossy()).collect();
    if takes_value && !defaults.is_empty() {
        let _ = write!(page, " Default: `{}`.", defaults.join(" "));
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(page, " Environment: `{}`.", variable.to_string_lossy());
    }
    page.push('\n');
    if takes_value {
        for value in argument.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
            let help =
                value.get_help().map(|help| format!(": {}", plain(help))).unwrap_or_default();
            let _ = writeln!(page, "  - `{}`{help}", value.get_name());
        }
    }
}

/// A text for terminals as Markdown: nothing in it is markup but code between backquotes.
fn plain(text: &StyledStr) -> String {
    let text = text.to_string();
    let mut escaped = String::with_capacity(text.len());
    let mut code = false;
    for character in text.trim().chars() {
        code ^= character == '`';
        if !code && matches!(character, '\\' | '*' | '_' | '<' | '>' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    // clap takes the full stop off the end of short texts
    if escaped.ends_with(|last: char| last.is_alphanumeric() || matches!(last, ')' | ']' | '`')) {
        escaped.push('.');
    }
    escaped
}
