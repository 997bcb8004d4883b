"""Settings, each by a flag or by the environment variable of the same name."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    model_dir: Path
    model_name: str | None
    port: int
    max_body_bytes: int
    max_connections: int
    request_timeout: float
    drain_seconds: float
    threads: int


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    parser = argparse.ArgumentParser(prog="server", description=__doc__, allow_abbrev=False)

    def setting(name: str, kind: type, default: str | None, text: str) -> None:
        # A default that is a string is converted and checked just as a flag's value is.
        value = environment.get(name.upper(), default)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=value, help=text)

    setting("model_dir", Path, "/models", "directory that holds exactly one .onnx file")
    setting("model_name", str, None, "name in the URL; default: the file's name without .onnx")
    setting("port", _number(int, 0, 65535), "8080", "port to listen on; 0: any free one")
    setting("max_body_bytes", _number(int, 1), str(4 * 1024 * 1024), "largest request body")
    setting("max_connections", _number(int, 1), "64", "connections served at a time; more are told 503")
    setting("request_timeout", _number(float, 0.1), "30", "seconds that a client may take to send one request")
    setting("drain_seconds", _number(float, 0), "3", "seconds to go on serving, not ready, after SIGTERM")
    setting("threads", _number(int, 1), "1", "threads of one inference")
    return Settings(**vars(parser.parse_args(arguments)))


def _number(kind: type, least: float, most: float = float("inf")):
    def parse_number(text: str):
        value = kind(text)
        if not least <= value <= most:
            raise ValueError
        return value

    # argparse puts it into its message.
    parse_number.__name__ = f"{kind.__name__} of at least {least}"
    return parse_number
