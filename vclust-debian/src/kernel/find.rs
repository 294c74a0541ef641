//! Which package of an index is a kernel.

use vclust_core::{Index, Policy, RelationKind, VersionView};

use super::KernelError;

/// The package with the kernel that Debian recommends for virtual machines of the index's
/// architecture, or its general one.
///
/// `linux-image-cloud-ARCHITECTURE` and `linux-image-ARCHITECTURE` are empty and depend on the kernel
/// of the day, which is what is answered.
pub fn kernel_package<'a>(
    index: &'a Index,
    policy: &Policy,
) -> Result<VersionView<'a>, KernelError> {
    let architecture = index.native_architecture();
    let names =
        [format!("linux-image-cloud-{architecture}"), format!("linux-image-{architecture}")];
    let candidate = |name: &str| {
        let package = index.find(name)?;
        Some(index.version(policy.candidate(index, package.id())?))
    };
    for name in &names {
        let Some(version) = candidate(name) else { continue };
        let Ok(groups) = version.relations(RelationKind::Depends) else { continue };
        for relation in groups.iter().flatten() {
            if !relation.name.starts_with(b"linux-image-") {
                continue;
            }
            let Some(package) = index.find(&String::from_utf8_lossy(relation.name)) else {
                continue;
            };
            // the very version, even if the policy has a newer one of the same name
            let kernel = package
                .versions()
                .find(|kernel| relation.accepts(Some(kernel.version().as_bytes())));
            if let Some(kernel) = kernel {
                return Ok(kernel);
            }
        }
    }
    Err(KernelError::NotInIndex {
        architecture: architecture.to_owned(),
        looked_for: names.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use vclust_core::FileOrigin;

    use super::*;

    fn index(packages: &[(&str, &str, &str)]) -> Index {
        let mut text = String::new();
        for (name, version, depends) in packages {
            let fields = ["Package: ", name, "\nVersion: ", version, "\nDepends: ", depends];
            text += &fields.concat();
            text += "\nArchitecture: amd64\nSize: 1\n\n";
        }
        let mut builder = Index::builder("amd64");
        builder.packages(text.into_bytes(), FileOrigin::named("test")).unwrap();
        builder.build().unwrap()
    }

    #[test]
    fn the_cloud_kernel_of_the_day_comes_first() {
        let index = index(&[
            ("linux-image-amd64", "6.1-2", "linux-image-6.1.0-2-amd64 (= 6.1-2)"),
            ("linux-image-6.1.0-2-amd64", "6.1-2", "kmod"),
            ("linux-image-cloud-amd64", "6.1-2", "linux-image-6.1.0-2-cloud-amd64 (= 6.1-2)"),
            ("linux-image-6.1.0-2-cloud-amd64", "6.1-1", "kmod"),
            ("linux-image-6.1.0-2-cloud-amd64", "6.1-2", "kmod, linux-image-none"),
        ]);
        let kernel = kernel_package(&index, &Policy::default()).unwrap();
        assert_eq!(kernel.name(), "linux-image-6.1.0-2-cloud-amd64");
        assert_eq!(kernel.version(), "6.1-2");
    }

    #[test]
    fn without_a_cloud_kernel_it_is_the_general_one() {
        let index = index(&[
            ("linux-image-amd64", "6.1-2", "linux-image-6.1.0-2-amd64 (= 6.1-2)"),
            ("linux-image-6.1.0-2-amd64", "6.1-2", "kmod"),
        ]);
        let kernel = kernel_package(&index, &Policy::default()).unwrap();
        assert_eq!(kernel.name(), "linux-image-6.1.0-2-amd64");
    }

    #[test]
    fn an_index_without_kernels_is_named_with_what_was_looked_for() {
        let index = index(&[("dash", "1", "libc6")]);
        let error = kernel_package(&index, &Policy::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the package index has no kernel for amd64 (linux-image-cloud-amd64, \
             linux-image-amd64); take a suite that has one"
        );
    }
}
