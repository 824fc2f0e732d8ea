"""falco.yaml as users have it."""

from workbench.config.load import load_config, parse_config
from workbench.config.model import AppendOutput, FalcoConfig, PluginConfig, RuleSelection
from workbench.config.tree import ConfigError, ConfigWarning

__all__ = [
    "AppendOutput",
    "ConfigError",
    "ConfigWarning",
    "FalcoConfig",
    "PluginConfig",
    "RuleSelection",
    "load_config",
    "parse_config",
]
