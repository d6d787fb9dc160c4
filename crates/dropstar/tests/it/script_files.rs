//! Site and package files that are not in order: every mistake, with its place.

use std::path::Path;

use dropstar::SiteFiles;

const PACKAGE: &str = "http:\n  a: {run: [{set: {x: 1}}]}\n";

/// What is said about `site.yaml` and `package.yaml`, places without their folder.
fn said(site: &str, package: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("site.yaml", site);
    write("package.yaml", package);
    write("good.html", "<p>{{ x }}</p>\n");
    write("broken.html", "<p>\n  {{ x }\n</p>\n");
    let problems = SiteFiles::read([folder.path().join("site.yaml")]).expect_err(site);
    let above = |path: &Path| format!("{}/", path.display());
    let text = problems.to_string().replace(&above(folder.path()), "");
    text.replace(&above(&folder.path().canonicalize().unwrap()), "")
}

#[track_caller]
fn site_says(site: &str, expected: &str) {
    assert_eq!(said(site, PACKAGE), expected, "{site}");
}

#[track_caller]
fn package_says(package: &str, expected: &str) {
    assert_eq!(
        said("localhost: {packages: [package.yaml]}\n", package),
        expected,
        "{package}"
    );
}

#[test]
fn keys_of_a_site() {
    site_says(
        "localhost:\n  prot: 80\n  packages: [package.yaml]\n",
        "site.yaml:2:3: localhost.prot: unknown key prot\n  help: did you mean port?",
    );
    site_says(
        "localhost:\n  port: 123456\n  packages: [package.yaml]\n",
        "site.yaml:2:9: localhost.port: expected a whole number from 0 to 65535, found the number 123456",
    );
    site_says(
        "localhost: {port: 80}\n",
        "site.yaml:1:12: localhost: packages is missing\n  help: add `packages: [{path: package.yaml}]`",
    );
    site_says(
        "localhost:8080: {packages: [package.yaml]}\n",
        "site.yaml:1:1: \"localhost:8080\": a site is named by its host alone\n  help: write localhost: and, within it, port: 8080",
    );
}

#[test]
fn packages_of_a_site() {
    site_says(
        "localhost:\n  packages:\n    - {path: pakage.yaml}\n",
        "site.yaml:3:14: localhost.packages[0].path: package does not exist: pakage.yaml\n  help: paths are relative to the folder of site.yaml",
    );
    site_says(
        "localhost:\n  packages:\n    - {path: package.yaml, mount: tools}\n",
        "site.yaml:3:35: localhost.packages[0].mount: expected a path such as / or /tools/, found the text \"tools\"\n  help: write /tools/",
    );
    site_says(
        "localhost:\n  packages: []\n",
        "site.yaml:2:13: localhost.packages: no package\n  help: add one as `- {path: package.yaml}`",
    );
}

#[test]
fn nobody_listens_beyond_loopback_by_accident() {
    site_says(
        "localhost: {bind: 0.0.0.0, packages: [package.yaml]}\n",
        "site.yaml:1:1: localhost: 0.0.0.0 is reachable from elsewhere, and nothing says who may use it\n  help: add `auth:` with users or tokens, or `auth: none` to let in everybody",
    );
    site_says(
        "localhost:\n  auth: {users: {ann: {password_hash: secret, roles: [boss]}}}\n  packages: [package.yaml]\n",
        "site.yaml:2:39: localhost.auth.users.ann.password_hash: not an argon2 password hash\n  help: make one with `dropstar hash-password`; it starts with $argon2id$\n\
         site.yaml:2:55: localhost.auth.users.ann.roles[0]: expected viewer, operator or admin, found the text \"boss\"",
    );
}

#[test]
fn two_sites_that_cannot_share_a_port() {
    site_says(
        "localhost: {packages: [package.yaml]}\nother: {aliases: [localhost], packages: [package.yaml]}\n",
        "site.yaml:2:1: other: two sites of one name on 127.0.0.1:8080\n  help: the other is at site.yaml:1:1",
    );
    site_says(
        "a: {tls: {self_signed: true}, packages: [package.yaml]}\nb: {tls: {self_signed: true, cert: x}, packages: [package.yaml]}\n",
        "site.yaml:2:10: b.tls: expected a certificate with its key, or one of our own\n  help: write {cert: file, key: file} or {self_signed: true}\n\
         site.yaml:2:36: b.tls.cert: certificate does not exist: x\n  help: paths are relative to the folder of site.yaml",
    );
}

#[test]
fn keys_of_a_package_and_of_its_pages() {
    package_says(
        "htpp:\n  a: {}\n",
        "package.yaml:1:1: a package without pages, functions or files\n  help: add `http:`, `rpc:` or `static:`\n\
         package.yaml:1:1: htpp: unknown key htpp\n  help: did you mean http?",
    );
    package_says(
        "http:\n  a:\n    titel: A\n    run: [{set: {x: 1}}]\n",
        "package.yaml:3:5: http.a.titel: unknown key titel\n  help: did you mean title?",
    );
    package_says(
        "http:\n  a b: {run: [{set: {x: 1}}]}\n",
        "package.yaml:2:3: http.\"a b\": not a path for a page\n  help: write it as in the address, such as disks or reports/today",
    );
    package_says(
        "http:\n  a.json: {run: [{set: {x: 1}}]}\n",
        "package.yaml:2:3: http.\"a.json\": a page's path does not end in .json: that is its twin for programs\n  help: write a",
    );
    package_says(
        "http:\n  a: {refresh: 5 minutes, run: [{set: {x: 1}}]}\n",
        "package.yaml:2:16: http.a.refresh: expected a span of time such as 5m, found the text \"5 minutes\"\n  help: unknown unit minutes: use ns, us, ms, s, m, h, d, w or y",
    );
    package_says(
        "rpc:\n  a: {roles: [viewer]}\n",
        "package.yaml:2:6: rpc.a: run is missing\n  help: add `run: [{script: name.py}]`",
    );
    package_says(
        "static: {path: nowhere}\n",
        "package.yaml:1:16: static.path: folder does not exist: nowhere\n  help: paths are relative to the folder of package.yaml",
    );
}

#[test]
fn run_items_have_their_place_in_the_package() {
    package_says(
        "http:\n  a:\n    run:\n      - scrpt: a.py\n  b:\n    run:\n      - call: nobody\n",
        "package.yaml:4:9: http.a.run[0].scrpt: unknown run verb: scrpt\n  help: did you mean script?\n\
         package.yaml:7:9: unknown function: nobody\n  help: the file has no __functions",
    );
}

#[test]
fn templates_of_a_page() {
    package_says(
        "http:\n  a: {template: {path: none.html}}\n",
        "package.yaml:2:24: http.a.template.path: template does not exist: none.html\n  help: paths are relative to the folder of package.yaml",
    );
    package_says(
        "http:\n  a: {template: {path: broken.html}}\n",
        "broken.html:2:8: http.a.template.path: syntax error: unexpected `}`, expected end of variable block",
    );
    package_says(
        "http:\n  a: {template: {path: ../secret.html}}\n",
        "package.yaml:2:24: http.a.template.path: a template lies in the package's folder or below\n  help: write its path without / at the start and without ..",
    );
    package_says(
        "http:\n  a: {template: [{path: good.html, if: x > }, {path: good.html}]}\n",
        "package.yaml:2:40: http.a.template[0].if: condition: a value or a name is missing, at character 4",
    );
    package_says(
        "http:\n  a: {template: [{path: good.html, if: x}]}\n",
        "package.yaml:2:17: http.a.template: the last template has a condition too\n  help: end with one without `if:`, for all other cases",
    );
    package_says(
        "http:\n  a: {template: {path: good.html, format: php}}\n",
        "package.yaml:2:43: http.a.template.format: expected jinja or percent, found the text \"php\"",
    );
}

#[test]
fn all_mistakes_of_all_files_come_at_once() {
    let text = said(
        "localhost:\n  prot: 1\n  packages: [package.yaml]\nother:\n  port: x\n  packages: [package.yaml]\n",
        "http:\n  a: {titel: A}\nrpc:\n  b: {run: [{scrpt: b.py}]}\nstatc: {}\n",
    );
    let places: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("  help"))
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "package.yaml:2:7",
            "package.yaml:4:14",
            "package.yaml:5:1",
            "site.yaml:2:3",
            "site.yaml:5:9",
        ],
        "{text}"
    );
}
