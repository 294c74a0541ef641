//! A small site for tests of cache policies: an archive, a request for each of its packages, and prices.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::fmt::Write;

use vclust_core::{
    BlendedTransfer, Catalogue, Conditions, Estimators, FileOrigin, Image, ImageSizes, Index,
    InstallEstimator, NodeSpeed, PackagePrices, PackageSet, PhaseEstimator, Policy, Prices, Priors,
    Replay, Repository, Request, Stored, Strategy, Workload, parse_policy,
};

/// An archive of packages `pN`: each needs `p(N/2)` and, for every fifth that none needs, one of two that conflict. `p0`
/// is the minimal image.
fn archive(packages: u32) -> Index {
    let mut file = String::new();
    for number in 0..packages {
        let size = 20_000 + u64::from(number * 7919 % 97) * 6_000;
        let _ = writeln!(file, "Package: p{number}\nVersion: 1\nArchitecture: all");
        let _ = writeln!(file, "Size: {size}\nInstalled-Size: {}", size / 300);
        match number {
            0 => file += "Essential: yes\n",
            _ if number % 5 == 0 && number > packages / 2 => {
                let either = ["left", "right | left", "left | right"][number as usize / 5 % 3];
                let _ = writeln!(file, "Depends: p{}, {either}", number / 2);
            }
            _ => {
                let _ = writeln!(file, "Depends: p{}", number / 2);
            }
        }
        file += "\n";
    }
    for (name, other) in [("left", "right"), ("right", "left")] {
        let _ = writeln!(
            file,
            "Package: {name}\nVersion: 1\nArchitecture: all\nSize: 90000\nInstalled-Size: 300\n\
             Conflicts: {other}\n"
        );
    }
    let status = "Package: p0\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";
    let mut builder = Index::builder("amd64");
    builder.packages(file.into_bytes(), FileOrigin::named("archive")).expect("a Packages file");
    builder.status(status.as_bytes().to_vec(), FileOrigin::named("status"));
    builder.build().expect("an index")
}

/// A site with its requests and prices.
pub(crate) struct World {
    pub(crate) workload: Workload,
    pub(crate) packages: PackagePrices,
    pub(crate) prices: Prices,
    pub(crate) sizes: ImageSizes,
}

impl World {
    /// Requests for each single package of an archive, served with these strategies.
    pub(crate) fn new(packages: u32, nodes: u32, strategies: &[Strategy]) -> Self {
        let index = archive(packages);
        let mut workload = Workload::new(&index);
        for number in 1..packages {
            let request = Request::new([format!("p{number}")]);
            let versions = Workload::resolve(&index, &Policy::default(), &request);
            workload.push(&index, &versions.expect("it can be installed"));
        }
        let installs = InstallEstimator::new(&index, Priors::shipped());
        let (transfers, phases) = (BlendedTransfer::default(), PhaseEstimator::default());
        let speed = NodeSpeed::default();
        let estimators = Estimators {
            installs: &installs,
            nodes: &speed,
            transfers: &transfers,
            phases: &phases,
        };
        let prices =
            estimators.prices(&Conditions::new("here", nodes), strategies, &Catalogue::new());
        let packages = PackagePrices::of(&workload.universe, &installs);
        Self { workload, packages, prices, sizes: ImageSizes::default() }
    }

    pub(crate) fn replay(&self, budget: u64) -> Replay<'_> {
        Replay {
            universe: &self.workload.universe,
            packages: &self.packages,
            prices: &self.prices,
            sizes: &self.sizes,
            minimal: &self.workload.minimal,
            budget,
        }
    }

    pub(crate) fn run(&self, policy: &str, budget: u64, requests: &[u32]) -> vclust_core::Outcome {
        let mut policy = parse_policy(policy).expect("a policy");
        self.replay(budget)
            .run(&self.workload.compared(), requests, &Stored::default(), policy.as_mut(), |_| {})
            .expect("requests can be served")
    }

    /// Whether an image can be installed: nothing is missing, and nothing conflicts.
    pub(crate) fn is_consistent(&self, image: &PackageSet) -> bool {
        let mut closed = image.clone();
        self.workload.universe.close(&mut closed);
        closed == *image
            && image.iter().all(|id| {
                let conflicts = self.workload.universe.conflicts(id);
                conflicts.iter().all(|other| !image.contains(*other))
            })
    }

    pub(crate) fn with_repository<T>(
        &self,
        budget: u64,
        act: impl FnOnce(&Repository<'_>) -> T,
    ) -> T {
        let mut catalogue = Catalogue::new();
        let packages = self.workload.minimal.clone();
        let bytes = self.sizes.of(&self.workload.universe, &packages);
        let image = Image { id: "minimal".into(), packages, bytes };
        let minimal = catalogue.add(image).expect("the first image");
        act(&Repository {
            universe: &self.workload.universe,
            packages: &self.packages,
            prices: &self.prices,
            sizes: &self.sizes,
            catalogue: &catalogue,
            minimal,
            budget,
        })
    }

    /// All sets that an image could be, of a small archive.
    pub(crate) fn all_images(&self) -> Vec<PackageSet> {
        let beyond: Vec<_> = self
            .workload
            .universe
            .ids()
            .filter(|id| !self.workload.minimal.contains(*id))
            .collect();
        let mut images = Vec::new();
        for chosen in 1..1_u32 << beyond.len() {
            let mut image = self.workload.minimal.clone();
            let taken = beyond.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1);
            image.extend(taken.map(|(_, id)| *id));
            if self.is_consistent(&image) {
                images.push(image);
            }
        }
        images
    }
}
