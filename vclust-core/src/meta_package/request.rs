//! How a request names a package, a meta-package or a task.

/// What a name on the command line or in a spec asks for.
///
/// A plain name is a package where there is such a package, and else a meta-package: packages win,
/// so that a request means what it means to apt. `meta:NAME` is a meta-package for certain.
/// `task:NAME`, or `NAME^` as apt writes it, is one of Debian's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRequest<'a> {
    /// A package, or else a meta-package; whatever apt takes after the name is still there.
    Plain(&'a str),
    /// vclust's or the user's meta-package, nothing else.
    MetaPackage(&'a str),
    /// Debian's task, nothing else.
    Task(&'a str),
}

impl<'a> NameRequest<'a> {
    /// Tells the three apart; it cannot fail, as any text may be a package's name.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        if let Some(name) = text.strip_prefix("meta:") {
            return Self::MetaPackage(name);
        }
        match text.strip_prefix("task:").or_else(|| text.strip_suffix('^')) {
            Some(name) => Self::Task(name),
            None => Self::Plain(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_the_caret_decide() {
        assert_eq!(NameRequest::parse("gcc:amd64=12"), NameRequest::Plain("gcc:amd64=12"));
        assert_eq!(NameRequest::parse("meta:openmpi"), NameRequest::MetaPackage("openmpi"));
        assert_eq!(NameRequest::parse("task:ssh-server"), NameRequest::Task("ssh-server"));
        assert_eq!(NameRequest::parse("ssh-server^"), NameRequest::Task("ssh-server"));
    }
}
