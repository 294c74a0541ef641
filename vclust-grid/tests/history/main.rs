//! The history file as those see it who use it: answers, damage, crashes, several processes.

mod answers;
mod events;
mod files;
mod imports;
mod learning;
mod processes;
