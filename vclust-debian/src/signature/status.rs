//! gpgv's status lines (`doc/DETAILS` in its sources), and what they decide.

use thiserror::Error;

/// Why a text has no signature that counts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureRefusal {
    /// A signature does not fit the text: one of them was altered.
    #[error("its signature does not fit its content: one of them was altered")]
    Bad,
    /// The key has expired.
    #[error("the key {0} that signed it has expired; a newer keyring package may extend it")]
    ExpiredKey(String),
    /// The key was revoked.
    #[error("the key {0} that signed it was revoked")]
    RevokedKey(String),
    /// The signature has expired.
    #[error("its signature by the key {0} has expired")]
    ExpiredSignature(String),
    /// The key is not in the keyrings.
    #[error(
        "it is signed by a key that is not in the keyrings, {0}; install the keyring package of \
         the archive, or name its keyring with `signed-by`"
    )]
    UnknownKey(String),
    /// A good signature, by a key that `signed-by` does not name.
    #[error("it is signed by {0}, which is not among the fingerprints of `signed-by`")]
    OtherKey(String),
    /// The signature rests on a broken hash.
    #[error("its signature by {0} rests on a hash that can be forged (MD5, SHA-1 or RIPEMD-160)")]
    WeakDigest(String),
    /// gpgv found a signature that it cannot check.
    #[error("its signature by the key {0} cannot be checked")]
    Unusable(String),
    /// No signature at all.
    #[error("it is not signed")]
    Unsigned,
}

/// Decides by status lines; `allowed` lists the fingerprints that may sign, all of them if empty.
///
/// One good signature is enough, unless another one is bad: signatures by unknown or expired keys
/// beside a good one are what a change of keys looks like.
pub(super) fn judge(status: &str, allowed: &[String]) -> Result<(), SignatureRefusal> {
    let mut good = false;
    let mut current_is_good = false;
    let mut refusal: Option<SignatureRefusal> = None;
    let mut refuse = |found: SignatureRefusal| {
        let graver = refusal.as_ref().is_none_or(|known| gravity(&found) > gravity(known));
        if graver {
            refusal = Some(found);
        }
    };
    for line in status.lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("[GNUPG:]") {
            continue;
        }
        let keyword = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        let key = || words.first().copied().unwrap_or("?").to_owned();
        match keyword {
            "NEWSIG" => current_is_good = false,
            "GOODSIG" => current_is_good = true,
            "BADSIG" => return Err(SignatureRefusal::Bad),
            "EXPKEYSIG" => refuse(SignatureRefusal::ExpiredKey(key())),
            "REVKEYSIG" => refuse(SignatureRefusal::RevokedKey(key())),
            "EXPSIG" => refuse(SignatureRefusal::ExpiredSignature(key())),
            "NO_PUBKEY" => refuse(SignatureRefusal::UnknownKey(key())),
            "ERRSIG" => refuse(SignatureRefusal::Unusable(key())),
            "VALIDSIG" if current_is_good => {
                current_is_good = false;
                let primary = words.get(9).copied().unwrap_or_default();
                let named = |name: &String| {
                    let ends = |key: &str| name.len() >= 16 && key.ends_with(name.as_str());
                    ends(words[0]) || ends(primary)
                };
                if words.is_empty() || matches!(words.get(7), Some(&("1" | "2" | "3"))) {
                    refuse(SignatureRefusal::WeakDigest(key()));
                } else if !allowed.is_empty() && !allowed.iter().any(named) {
                    refuse(SignatureRefusal::OtherKey(key()));
                } else {
                    good = true;
                }
            }
            _ => {}
        }
    }
    if good { Ok(()) } else { Err(refusal.unwrap_or(SignatureRefusal::Unsigned)) }
}

/// Which of several reasons to tell: the one that says most.
fn gravity(refusal: &SignatureRefusal) -> u8 {
    match refusal {
        SignatureRefusal::Unsigned => 0,
        SignatureRefusal::Unusable(_) => 1,
        SignatureRefusal::UnknownKey(_) => 2,
        SignatureRefusal::OtherKey(_) => 3,
        SignatureRefusal::WeakDigest(_) => 4,
        SignatureRefusal::ExpiredSignature(_) => 5,
        SignatureRefusal::ExpiredKey(_) => 6,
        SignatureRefusal::RevokedKey(_) => 7,
        SignatureRefusal::Bad => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG AAAABBBBCCCCDDDD x\n[GNUPG:] VALIDSIG \
        11112222333344445555666677778888AAAABBBB 2025-01-01 1 0 4 0 1 8 01 \
        99992222333344445555666677778888AAAABBBB\n";

    #[test]
    fn one_good_signature_is_enough() {
        let unknown = "[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG F 1 8 01 1 9\n[GNUPG:] NO_PUBKEY F\n";
        assert_eq!(judge(GOOD, &[]), Ok(()));
        assert_eq!(judge(&format!("{unknown}{GOOD}{unknown}"), &[]), Ok(()));
        assert_eq!(judge(unknown, &[]), Err(SignatureRefusal::UnknownKey("F".into())));
    }

    #[test]
    fn a_bad_signature_spoils_a_good_one() {
        let text = format!("{GOOD}[GNUPG:] NEWSIG\n[GNUPG:] BADSIG F x\n");
        assert_eq!(judge(&text, &[]), Err(SignatureRefusal::Bad));
    }

    #[test]
    fn fingerprints_may_be_of_key_or_primary_key() {
        for fingerprint in
            ["11112222333344445555666677778888AAAABBBB", "99992222333344445555666677778888AAAABBBB"]
        {
            assert_eq!(judge(GOOD, &[fingerprint.into()]), Ok(()));
        }
        for fingerprint in ["00002222333344445555666677778888AAAABBBB", "BBBB", ""] {
            assert!(matches!(
                judge(GOOD, &[fingerprint.into()]),
                Err(SignatureRefusal::OtherKey(_))
            ));
        }
    }

    #[test]
    fn valid_is_not_good() {
        let valid = GOOD.lines().last().unwrap();
        let expired = format!("[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG F x\n{valid}\n");
        assert_eq!(judge(&expired, &[]), Err(SignatureRefusal::ExpiredKey("F".into())));
        assert_eq!(judge(valid, &[]), Err(SignatureRefusal::Unsigned));
        assert_eq!(judge("", &[]), Err(SignatureRefusal::Unsigned));
        assert!(matches!(
            judge(&GOOD.replace(" 8 01 ", " 2 01 "), &[]),
            Err(SignatureRefusal::WeakDigest(_))
        ));
    }

    proptest! {
        #[test]
        fn any_status_is_judged(words in proptest::collection::vec("(\\[GNUPG:\\]|GOODSIG|VALIDSIG|NEWSIG|\n|[A-F0-9]{1,40}|\\PC)", 0..30)) {
            let _ = judge(&words.join(" "), &["AAAABBBBCCCCDDDD".into()]);
        }
    }
}
