from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from bot.core.model import INTERNAL, PUBLIC
from config.sources import SourceKind, SourceSettings, load_sources
from config.tables import Layers

ENVIRON = {"TOKEN": "hush", "SPACED": "pasted with spaces", "EMPTY": " "}
GIT = 'kind = "git"\nrepository = "https://github.com/acme/handbook"\n'
HELP = 'kind = "helpcenter"\nurl = "https://acme.zendesk.com/"\nlocales = ["en-us"]\n'
WIKI = 'kind = "confluence"\nurl = "https://acme.atlassian.net"\nspaces = ["SUP"]\n'
TALK = 'kind = "discussions"\nrepositories = ["acme/widget"]\n'


def read(directory: Path, text: str, name: str = "one") -> SourceSettings:
    (directory / "sources.toml").write_text(f"[{name}]\n{text}", "utf-8")
    (found,) = load_sources(Layers(directory), ENVIRON)
    return found


def test_nothing_is_configured_as_packaged() -> None:
    assert load_sources(Layers(None), {}) == ()


def test_the_examples_in_the_packaged_file_are_right(tmp_path: Path) -> None:
    packaged = Path(load_sources.__code__.co_filename).parent / "defaults" / "sources.toml"
    lines = packaged.read_text("utf-8").splitlines()[4:]
    text = "\n".join(line.removeprefix("#").strip() for line in lines)
    (tmp_path / "sources.toml").write_text(text, "utf-8")
    environ = dict.fromkeys(
        (
            "HANDBOOK_TOKEN",
            "ZENDESK_OAUTH_CLIENT_ID",
            "ZENDESK_OAUTH_CLIENT_SECRET",
            "CONFLUENCE_TOKEN",
            "DISCUSSIONS_TOKEN",
        ),
        "x",
    )

    assert [one.kind for one in load_sources(Layers(tmp_path), environ)] == list(SourceKind)


def test_a_source_is_read_with_its_secret_out_of_the_environment(tmp_path: Path) -> None:
    found = read(tmp_path, GIT + 'token = "TOKEN"\naudience = "public"\nfolder = "/docs/"\n')

    assert (found.token.secret.reveal() if found.token else "") == "hush"
    assert (found.audience, found.folder) == (PUBLIC, "docs")
    assert "hush" not in repr(found)
    assert read(tmp_path, HELP).restricted == INTERNAL
    assert read(tmp_path, HELP).url == "https://acme.zendesk.com"
    assert read(tmp_path, TALK + 'token = "TOKEN"').url == "https://api.github.com/graphql"


def test_what_is_left_out_is_configured(tmp_path: Path) -> None:
    wiki = read(tmp_path, WIKI + 'excluded_labels = ["draft"]\n')
    assert (wiki.restricted, wiki.excluded_labels) == (None, frozenset({"draft"}))
    assert read(tmp_path, WIKI + 'restricted = "internal"\n').restricted == INTERNAL
    talk = read(tmp_path, TALK + 'token = "TOKEN"\ncategories = ["q-a"]\nexcluded_authors = ["Mallory"]\n')
    assert (talk.categories, talk.excluded_authors) == (frozenset({"q-a"}), frozenset({"mallory"}))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('kind = "gti"', "kind: 'gti' is not known"),
        (GIT + 'brunch = "main"', "unexpected key 'brunch'"),
        (GIT + 'branch = "-x"', "branch: '-x' is not the name of a branch"),
        (GIT + 'folder = "a/../.."', "folder: leads out of the repository"),
        (GIT + 'link = "https://docs.acme.example/"', "link: is not an address with {path} in it"),
        (GIT + 'token = "MISSING"', "token: the environment variable MISSING is not set"),
        (GIT + 'token = "EMPTY"', "token: the environment variable EMPTY is not set"),
        (GIT + 'audience = "everybody"', "audience: write public, internal or customer:<organisation>"),
        ('kind = "git"\nrepository = "ext::sh"', "repository: is not an address"),
        ('kind = "git"\nrepository = "http://host/x"', "repository: could be changed on its way"),
        (WIKI + 'restricted = "public"', "restricted: what only some may see is never public"),
        (TALK + 'token = "TOKEN"\nmaintainers_only = "yes"', "maintainers_only: 'yes' is not true or false"),
        ('kind = "git"\nrepository = "--upload-pack=x"', "repository: is not an address"),
        ('kind = "git"\nrepository = "https://a:b@host/x"', "repository: names a user or a password"),
        ('kind = "git"\nrepository = "/srv/x"\ntoken = "TOKEN"', "token: goes with a repository at https://"),
        (HELP + 'restricted = "public"', "restricted: what only some may see is never public"),
        (HELP + 'client_id = "TOKEN"', "client_id: and client_secret go together"),
        (HELP.replace('"en-us"', '"../x"'), "locales: '../x' is not a locale"),
        (HELP.replace('["en-us"]', "[]"), "locales: is missing or empty"),
        (WIKI.replace("https", "ftp"), "url: is not an address"),
        (WIKI.replace("https://", "https://u:p@"), "url: is not an address"),
        (WIKI.replace("https", "http") + 'token = "TOKEN"', "url: http would send the credentials"),
        (WIKI.replace('"SUP"', '"S&x=y"'), "spaces: 'S&x=y' is not a space's key"),
        (TALK, "token: GitHub's GraphQL API answers nobody without one"),
        (TALK.replace("acme/widget", "widget") + 'token = "TOKEN"', "'widget' is not a repository"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_key(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, text)

    assert str(error.value).startswith("sources.toml: [one]: ")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


def test_a_secret_in_the_place_of_a_variable_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, GIT + 'token = "ghp_secret"')

    assert "ghp_secret" not in str(error.value)
    with pytest.raises(ConfigError, match="SPACED"):
        read(tmp_path, GIT + 'token = "SPACED"')


def test_a_name_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="small letters"):
        read(tmp_path, GIT, name='"../up"')
