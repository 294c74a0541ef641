//! What a module says of itself: the section `.modinfo` of its file, after the ELF specification
//! (System V ABI, chapter 4), and what the kernel says of the modules that are built in.
//!
//! Debian's packages have no `modules.dep`: it is written by `depmod` when a kernel is installed,
//! from what is read here.

/// What a module needs and what it is also called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ModuleInformation {
    /// Modules without which it cannot be loaded.
    pub(super) depends: Vec<String>,
    /// Names of what should be loaded before it, if there is such a thing.
    pub(super) before: Vec<String>,
    /// Its other names.
    pub(super) aliases: Vec<String>,
}

impl ModuleInformation {
    /// Reads a module's file, uncompressed; with an error it says what is wrong with the file.
    pub(super) fn read(file: &[u8]) -> Result<Self, &'static str> {
        let mut information = Self::default();
        for entry in section(file, b".modinfo")?.split(|byte| *byte == 0) {
            information.enter(entry);
        }
        Ok(information)
    }

    fn enter(&mut self, entry: &[u8]) {
        let text = String::from_utf8_lossy(entry);
        match text.split_once('=') {
            Some(("depends", names)) => {
                let names = names.split(',').filter(|name| !name.is_empty());
                self.depends.extend(names.map(module_name));
            }
            Some(("softdep", rule)) => {
                let words = rule.split_whitespace().skip_while(|word| *word != "pre:").skip(1);
                self.before.extend(words.take_while(|word| *word != "post:").map(str::to_owned));
            }
            Some(("alias", name)) => self.aliases.push(name.to_owned()),
            _ => {}
        }
    }
}

/// A module's name: in it, `-` and `_` are the same.
pub(super) fn module_name(name: &str) -> String {
    name.replace('-', "_")
}

/// The aliases in `modules.builtin.modinfo`: texts `MODULE.KEY=VALUE`, each ended by a zero byte.
pub(super) fn builtin_aliases(file: &[u8]) -> impl Iterator<Item = String> + '_ {
    file.split(|byte| *byte == 0).filter_map(|entry| {
        let text = String::from_utf8_lossy(entry);
        let (key, value) = text.split_once('=')?;
        let (_, key) = key.split_once('.')?;
        (key == "alias").then(|| value.to_owned())
    })
}

/// The content of a section of a 64-bit little-endian ELF file.
fn section<'f>(file: &'f [u8], name: &[u8]) -> Result<&'f [u8], &'static str> {
    if file.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err("it is no 64-bit little-endian ELF file");
    }
    let cut = "it is cut off";
    let header = |at: usize, bytes: usize| number(file, at, bytes).ok_or(cut);
    let (table, entry_bytes) = (header(0x28, 8)?, header(0x3a, 2)?);
    let (count, names) = (header(0x3c, 2)?, header(0x3e, 2)?);
    let end = count.checked_mul(entry_bytes).and_then(|bytes| bytes.checked_add(table));
    if end.is_none_or(|end| end > file.len()) {
        return Err(cut);
    }
    let entry = |place: usize| {
        let start = place.checked_mul(entry_bytes)?.checked_add(table)?;
        let field = |at: usize, bytes: usize| number(file, start.checked_add(at)?, bytes);
        let (offset, bytes) = (field(0x18, 8)?, field(0x20, 8)?);
        let content = file.get(offset..offset.checked_add(bytes)?);
        Some((field(0, 4)?, content))
    };
    let names = entry(names).and_then(|(_, content)| content).ok_or(cut)?;
    for place in 0..count {
        let (at, content) = entry(place).ok_or(cut)?;
        let found = names.get(at..).and_then(|rest| rest.split(|byte| *byte == 0).next());
        if found == Some(name) {
            return content.ok_or(cut);
        }
    }
    Err("it has no section .modinfo")
}

/// A little-endian number of up to eight bytes.
fn number(file: &[u8], at: usize, bytes: usize) -> Option<usize> {
    let digits = file.get(at..at.checked_add(bytes)?)?;
    let number = digits.iter().rev().fold(0_u64, |number, digit| number << 8 | u64::from(*digit));
    usize::try_from(number).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A module's file with such a section `.modinfo` and nothing else.
    pub(in super::super) fn module(modinfo: &[u8]) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file.extend_from_slice(modinfo);
        file.extend_from_slice(names);
        let table = file.len();
        for (name, offset, bytes) in
            [(0, 0, 0), (1, 64, modinfo.len()), (10, 64 + modinfo.len(), names.len())]
        {
            let mut entry = [0; 64];
            entry[..4].copy_from_slice(&u32::to_le_bytes(name));
            entry[0x18..0x20].copy_from_slice(&(offset as u64).to_le_bytes());
            entry[0x20..0x28].copy_from_slice(&(bytes as u64).to_le_bytes());
            file.extend_from_slice(&entry);
        }
        file[0x28..0x30].copy_from_slice(&(table as u64).to_le_bytes());
        for (at, value) in [(0x3a, 64_u16), (0x3c, 3), (0x3e, 2)] {
            file[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        file
    }

    #[test]
    fn a_module_names_what_it_needs_and_its_aliases() {
        let text = b"softdep=pre: crc32c sha-1 post: late\0license=GPL\0depends=lib-a,lib_b\0\
            alias=fs-test\0softdep=post: other\0";
        let information = ModuleInformation::read(&module(text)).unwrap();
        assert_eq!(information.depends, ["lib_a", "lib_b"]);
        assert_eq!(information.before, ["crc32c", "sha-1"]);
        assert_eq!(information.aliases, ["fs-test"]);
        let none = ModuleInformation::read(&module(b"depends=\0")).unwrap();
        assert_eq!(none, ModuleInformation::default());
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_is_refused() {
        let file = module(b"depends=a\0");
        for length in 0..file.len() {
            assert!(ModuleInformation::read(&file[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn numbers_that_lead_out_of_the_file_are_refused() {
        let file = module(b"depends=a\0");
        let table = file.len() - 3 * 64;
        for at in (0x28..0x40).chain(table..file.len()) {
            let mut damaged = file.clone();
            damaged[at] = 0xff;
            // what matters is that it comes back
            let _ = ModuleInformation::read(&damaged);
        }
        assert!(ModuleInformation::read(b"!<arch>\n").is_err());
    }

    #[test]
    fn built_in_modules_have_aliases_too() {
        let file = b"ext4.license=GPL\0ext4.alias=fs-ext4\0crc32c_generic.alias=crc32c\0";
        let aliases: Vec<String> = builtin_aliases(file).collect();
        assert_eq!(aliases, ["fs-ext4", "crc32c"]);
    }
}
