"""Hosts Falco plugins: the plugin API, version 3, over ``dlopen``."""

from plugins.host.errors import PluginError
from plugins.host.extract import ExtractionFailures
from plugins.host.fields import PluginArgument, PluginField, PluginFieldType
from plugins.host.library import API_VERSION, Capability
from plugins.host.open_params import OpenParam
from plugins.host.plugin import Plugin, load_plugin
from plugins.host.source import Progress, Source

__all__ = [
    "API_VERSION",
    "Capability",
    "ExtractionFailures",
    "OpenParam",
    "Plugin",
    "PluginArgument",
    "PluginError",
    "PluginField",
    "PluginFieldType",
    "Progress",
    "Source",
    "load_plugin",
]
