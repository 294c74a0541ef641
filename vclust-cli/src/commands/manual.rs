//! `vclust manual`: the reference of the command line, for the book and for `man`.
//!
//! Both are made of the description that reads the arguments, so neither can tell of an option that
//! there is not. Users have no use for the command itself; `make reference` and `make man` call it.

mod markdown;

use std::fs;
use std::io::Write;
use std::path::Path;

use clap::CommandFactory;

use crate::arguments::{Arguments, Manual};
use crate::failure::Failure;

pub(crate) fn run(arguments: &Manual) -> Result<(), Failure> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    if let Some(directory) = &arguments.man_pages {
        return write_man_pages(command, directory)
            .map_err(|source| Failure::WriteFile { path: directory.clone(), source });
    }
    command.build();
    std::io::stdout().lock().write_all(markdown::page(&command).as_bytes())?;
    Ok(())
}

fn write_man_pages(command: clap::Command, directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(command, directory)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// The examples in the texts of a command and of those below it, as they are typed.
    fn examples(command: &clap::Command, found: &mut Vec<String>) {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let joined = text.replace("\\\n", " ");
        for line in joined.lines().filter_map(|line| line.strip_prefix("  ")) {
            // what it does stands behind it, after two spaces
            let typed = line.trim().split("  ").next().unwrap_or_default();
            found.extend(
                typed.split("; ").filter(|part| part.starts_with("vclust ")).map(str::to_owned),
            );
        }
        for below in command.get_subcommands() {
            examples(below, found);
        }
    }

    #[test]
    fn every_example_in_a_help_text_is_a_command_that_there_is() {
        let mut found = Vec::new();
        examples(&Arguments::command(), &mut found);
        assert!(found.len() > 30, "{found:?}");
        for example in found {
            // what a shell makes of a line without expansions
            let typed = example.split([';', '|', '>']).next().unwrap_or_default();
            let words = typed.split_whitespace().map(|word| word.trim_matches('\''));
            if let Err(error) = Arguments::try_parse_from(words) {
                panic!("`{example}`: {error}");
            }
        }
    }

    #[test]
    fn the_description_of_the_arguments_holds_together() {
        Arguments::command().debug_assert();
    }
}
