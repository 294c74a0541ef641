//! Which proxy a URI is fetched through.

use super::AptConfiguration;
use super::lists::host_of;

impl AptConfiguration {
    /// The proxy for a URI; `None` for a direct connection.
    #[must_use]
    pub fn proxy_for(&self, uri: &str) -> Option<String> {
        let scheme = uri.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let host = host_of(uri);
        // https falls back on what is said for http
        let schemes: &[&str] = match scheme.as_str() {
            "https" => &["https", "http"],
            "http" => &["http"],
            _ => return None,
        };
        let listed = |name: String| {
            schemes.iter().find_map(|scheme| self.conf.value(&format!("Acquire::{scheme}::{name}")))
        };
        let environment = &self.environment;
        let from_environment = || match scheme.as_str() {
            "https" => environment.https_proxy.as_deref(),
            _ => environment.http_proxy.as_deref(),
        };
        let proxy = listed(format!("Proxy::{host}"))
            .or_else(|| listed("Proxy".to_owned()))
            .or_else(from_environment)?;
        let exempt = environment.no_proxy.as_deref().is_some_and(|list| in_domains(host, list));
        (!exempt && !matches!(proxy, "DIRECT" | "false")).then(|| proxy.to_owned())
    }
}

/// Whether a host is in a list of domains like that of `no_proxy`.
fn in_domains(host: &str, list: &str) -> bool {
    list.split(',').map(str::trim).filter(|domain| !domain.is_empty()).any(|domain| {
        let domain = domain.trim_start_matches('.').to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::root;
    use super::*;

    #[test]
    fn proxies_are_chosen_as_apt_does() {
        let (root, mut environment) = root(&[(
            "conf",
            "Acquire::http::Proxy \"http://p:1\"; Acquire::http::Proxy::direct.example \"DIRECT\";\
             Acquire::https::Proxy::s.example \"http://s:1\";",
        )]);
        environment.apt_config = Some(root.path().join("conf"));
        environment.no_proxy = Some("corp.example, .lan".into());
        let apt = AptConfiguration::load_from(environment).unwrap();
        for (uri, proxy) in [
            ("http://h.example/x", Some("http://p:1")),
            ("https://h.example/x", Some("http://p:1")),
            ("https://s.example/x", Some("http://s:1")),
            ("http://direct.example/x", None),
            ("http://a.corp.example/x", None),
            ("http://notcorp.example/x", Some("http://p:1")),
            ("http://b.lan/x", None),
            ("file:/x", None),
        ] {
            assert_eq!(apt.proxy_for(uri).as_deref(), proxy, "{uri}");
        }
    }

    #[test]
    fn a_proxy_from_the_environment_comes_last() {
        let (_root, mut environment) = root(&[]);
        environment.http_proxy = Some("http://e:1".into());
        let apt = AptConfiguration::load_from(environment).unwrap();
        assert_eq!(apt.proxy_for("http://h/").as_deref(), Some("http://e:1"));
        assert_eq!(apt.proxy_for("https://h/"), None);
    }
}
