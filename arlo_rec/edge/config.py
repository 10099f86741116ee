"""Settings: from options, environment, config file and defaults, in this order; read once per run.

Every key is documented in docs/operating.md, and an unknown key is a usage error, so that a mistyped setting is not
silently ignored.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from arlo_rec.law.model.errors import Usage, nearest

if TYPE_CHECKING:
    from arlo_rec.vault.backends.elsewhere import Given

KEYS: Mapping[str, type] = {
    "store": str,
    "via": str,
    "as": str,
    "passphrase_file": str,
    "key_file": str,
    "lang": str,
    "state_dir": str,
    "vkey": str,
    "feed": str,
    "spool": list,
    "lock_wait_s": int,
    "guard.share": float,
    "guard.count": int,
    "guard.jump_days": int,
    "asr.model": list,
    "asr.language": str,
    "asr.threads": int,
    "asr.workers": int,
    "copy_fill": str,
    "particulars": str,
    "answer_sound": str,
    "still_s": int,
}
_TAKES = {str: "takes_text", int: "takes_whole", float: "takes_number", list: "takes_list"}  # as `why` says it
PERSONAL = frozenset({"as", "passphrase_file", "key_file"})
FILES = ("passphrase_file", "key_file", "state_dir", "particulars", "feed")  # of the program, which no intake may touch
LANGUAGES = frozenset({"nb", "en"})
_SPOKEN = {"en": "en", "nb": "nb", "nn": "nb", "no": "nb"}  # by the beginning of a locale's name
SYSTEM_CONFIG = Path("/etc/arlo-rec/config.toml")
CONFIG_BYTES = 64 * 1024  # each key takes less than 1 kB
MOST = {"still_s": 60}  # of one number
MOST_LISTED = 4  # texts of a key that takes several
LARGEST = 1_000_000  # of any number; a larger value is a mistake, and would not fit a timedelta


class Settings(NamedTuple):
    """The settings of a run."""

    store: str | None
    as_name: str | None
    passphrase_file: str | None
    key_file: str | None
    lang: str
    state_dir: Path | None
    vkey: str | None
    feed: Path | None
    spools: tuple[Path, ...]  # from which alone calls are taken in; empty: none is named
    files: tuple[Path, ...]  # of the settings and of the keys that they name
    lock_wait: float
    guard_share: str  # a fraction or a decimal, parsed by `purge`
    guard_count: int
    guard_jump_days: int
    asr_models: tuple[Path, ...]  # folders
    asr_language: str | None
    asr_threads: int
    asr_workers: int  # calls of a backlog that are worked on at once
    copy_fill: str  # of the cuts in training copies: silence, tone or noise
    particulars: str | None  # a file: the company's particulars in letters
    answer_sound: str  # of access requests: mp3 or wav
    still_s: int  # seconds after which a file in a spool that nobody changed counts as complete
    engines: Mapping[str, Mapping[str, Any]]  # by section: the settings of engines beyond this machine


def settle(
    options: Mapping[str, str | None], environment: Mapping[str, str], personal: Mapping[str, str] | None = None
) -> Settings:
    """The settings of a run; raises Usage for an invalid config file.

    *personal*: a person at the other end of the door brings name, secret and key. These never come from the owner's
    environment or config.
    """
    config = _read_config(options.get("config"), environment)

    def pick(key: str) -> str | None:
        if personal is not None and key in PERSONAL:
            named = options.get(key) or personal.get(key)
        else:
            named = options.get(key) or environment.get(f"ARLO_REC_{key.upper()}") or config.get(key)
        return str(named) if named else None

    by_key = options.get("key_file") and not options.get("as")  # an option outranks the environment's person
    by_name = options.get("passphrase_file") and not options.get("key_file")  # and its service
    handed = handed_key(environment) if personal is None else None
    key_file = None if by_name else pick("key_file") or handed
    return Settings(
        store=pick("store"),
        as_name=None if by_key else pick("as"),
        passphrase_file=pick("passphrase_file"),
        key_file=key_file,
        lang=language(options.get("lang"), environment, config.get("lang")),
        state_dir=_state_dir(config, environment),
        vkey=config.get("vkey"),
        feed=Path(str(config["feed"])).absolute() if config.get("feed") else None,
        spools=tuple(Path(str(named)).absolute() for named in config.get("spool", ())),
        files=_files(config, used(options.get("config"), environment), key_file),
        lock_wait=float(config.get("lock_wait_s", 20)),
        guard_share=str(config.get("guard.share", "1/3")),
        guard_count=int(config.get("guard.count", 20)),
        guard_jump_days=int(config.get("guard.jump_days", 7)),
        asr_models=tuple(map(Path, config.get("asr.model", ()))),
        asr_language=config.get("asr.language"),
        asr_threads=int(config.get("asr.threads", 2)) or 1,
        asr_workers=int(config.get("asr.workers", 1)),
        copy_fill=str(config.get("copy_fill", "silence")),
        particulars=config.get("particulars"),
        answer_sound=str(config.get("answer_sound", "mp3")),
        still_s=int(config.get("still_s", 1)),
        engines=_sections(config),
    )


def _files(config: Mapping[str, Any], path: Path | None, key_file: str | None) -> tuple[Path, ...]:
    """The config file, and the files that it names or that this run opens with."""
    engines = (f"{section}.{key}" for section in _sections(config) for key in _files_of(section))
    named = (path, key_file, *(config.get(key) for key in (*FILES, *engines)))
    return tuple(Path(str(each)).absolute() for each in named if each)


def _files_of(section: str) -> tuple[str, ...]:
    from arlo_rec.vault.backends.elsewhere import engine

    found = engine(section)
    return found.files if found is not None else ()


def _sections(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of engines, by their sections."""
    sections: dict[str, dict[str, Any]] = {}
    for key, value in config.items():
        section, dot, name = key.partition(".")
        if dot and key not in KEYS:
            sections.setdefault(section, {})[name] = value
    return sections


def every_key() -> dict[str, type]:
    """All keys of the config file, with those of the engines that are installed."""
    from arlo_rec.vault.backends import elsewhere

    engines = elsewhere.every().items()
    return {**KEYS, **{f"{section}.{key}": kind for section, each in engines for key, kind in each.settings.items()}}


def given(section: str, settings: Settings, environment: Mapping[str, str]) -> Given:
    """This account's means for an engine."""
    from arlo_rec.vault.backends import elsewhere
    from arlo_rec.vault.backends.named_files import LocalFiles

    files = LocalFiles(environment.get("CREDENTIALS_DIRECTORY"))
    handed = partial(handed_key, environment)
    return elsewhere.Given(settings.engines.get(section, {}), environment, handed, files.secret, files.read)


class Kept(NamedTuple):
    """A config file as it was read."""

    values: Mapping[str, Any]

    def text(self, key: str) -> str | None:
        """The value of a key; None if it is not set."""
        value = self.values.get(key)
        return None if value is None else str(value)

    def state_dir(self, environment: Mapping[str, str]) -> Path | None:
        """The folder of the account's memory of stores."""
        return _state_dir(self.values, environment)


def kept(named: str | None, environment: Mapping[str, str]) -> Kept:
    """The named config file, else the account's, else the system's; raises Usage for an invalid one."""
    return Kept(_read_config(named, environment))


def used(named: str | None, environment: Mapping[str, str]) -> Path | None:
    """The config file that a run reads; None without one."""
    named = named or environment.get("ARLO_REC_CONFIG")
    return Path(named) if named else _default_config(environment)


def handed_key(environment: Mapping[str, str], name: str = "arlo-rec.key") -> str | None:
    """The file that systemd handed to a service as a credential, by default its key; None without one."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    path = os.path.join(folder, name) if folder else ""  # noqa: PTH118 - as it stands
    return path if os.path.exists(path) else None  # noqa: PTH110 - never raises


def beforehand(lang: str | None, config: str | None, environment: Mapping[str, str]) -> tuple[str, Path | None]:
    """Language and state folder before the options are parsed, for errors and failed unlocks until then.

    Errors of the settings themselves are raised by `settle`.
    """
    try:
        kept = _read_config(config, environment)
    except Usage:
        kept = {}
    named, configured = (code if code in LANGUAGES else None for code in (lang, kept.get("lang")))
    return language(named, environment, configured), _state_dir(kept, environment)


def language(named: str | None, environment: Mapping[str, str], configured: str | None) -> str:
    """`nb` or `en`: by the option, else by the locale, else by the config file, else English.

    Raises Usage for another name. A locale of another language, or of none (`C`), is ignored.
    """
    for code in (named, configured):
        if code is not None and code not in LANGUAGES:
            raise Usage("bad_lang", value=code[:20])
    spoken = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    return named or _SPOKEN.get(spoken.lower()[:2]) or configured or "en"


def _state_dir(config: Mapping[str, Any], environment: Mapping[str, str]) -> Path | None:
    if config.get("state_dir"):
        return Path(str(config["state_dir"]))
    if environment.get("STATE_DIRECTORY"):  # systemd's StateDirectory=
        return Path(environment["STATE_DIRECTORY"])
    if environment.get("XDG_STATE_HOME"):
        return Path(environment["XDG_STATE_HOME"]) / "arlo-rec"
    return Path(environment["HOME"]) / ".local/state/arlo-rec" if environment.get("HOME") else None


def _read_config(named: str | None, environment: Mapping[str, str]) -> dict[str, Any]:
    path = used(named, environment)
    if path is None:
        return {}
    from arlo_rec.law.model import toml_text
    from arlo_rec.vault.backends.bounded_read import read_named

    try:
        raw = read_named(path, CONFIG_BYTES, pipes=True)
    except OSError as error:
        raise Usage("config_unreadable", path=str(path), reason=error.strerror or "") from None
    document = toml_text.read(raw, str(path))
    try:
        return _checked(_flat(document), path)
    except Usage as problem:
        line, column = toml_text.place_of(str(problem.detail["key"]), raw.decode("utf-8"))
        problem.detail |= {"line": line, "column": column}
        raise


def _default_config(environment: Mapping[str, str]) -> Path | None:
    home = environment.get("XDG_CONFIG_HOME") or (f"{environment['HOME']}/.config" if environment.get("HOME") else None)
    candidates = [Path(home) / "arlo-rec/config.toml"] if home else []
    return next((path for path in (*candidates, SYSTEM_CONFIG) if os.path.isfile(path)), None)  # noqa: PTH113 - never raises


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": nested for inner, nested in value.items()})
        else:
            flat[key] = value
    return flat


def _listed(key: str, value: object, path: Path) -> list[str]:
    """Texts of a key that takes one or several; raises Usage."""
    listed = value if isinstance(value, list) else [value]
    texts = [each for each in listed if isinstance(each, str) and "\0" not in each]
    if not 0 < len(texts) <= MOST_LISTED or len(texts) != len(listed):
        raise Usage("config_bad_value", key=key, path=str(path), takes=_TAKES[list])
    return texts


def _checked(config: dict[str, Any], path: Path) -> dict[str, Any]:
    for key, value in [*config.items()]:
        kind = KEYS.get(key) or _kind_elsewhere(key)
        if kind is None:
            known = every_key()
            raise Usage(
                "config_unknown_key", key=key[:60], path=str(path), known=", ".join(known), **nearest(key, known)
            )
        if kind is list:
            config[key] = _listed(key, value, path)
            continue
        right = isinstance(value, kind) or (kind is float and isinstance(value, int))
        fits = "\0" not in value if isinstance(value, str) else right and 0 <= value <= MOST.get(key, LARGEST)
        if not right or isinstance(value, bool) or not fits:
            raise Usage("config_bad_value", key=key, path=str(path), takes=_TAKES[kind])
    return config


def _kind_elsewhere(key: str) -> type | None:
    """The type of an engine's setting; None for any other key."""
    section, dot, name = key.partition(".")
    if not dot:
        return None
    from arlo_rec.vault.backends.elsewhere import engine

    found = engine(section)
    return found.settings.get(name) if found is not None and found.section == section else None
