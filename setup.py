"""Reads settings.ini, so that the package's name, version and requirements are written down once."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
config = ConfigParser(delimiters=["="])
config.read(here / "settings.ini", encoding="utf-8")
settings = config["DEFAULT"]

setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=settings["author"],
    author_email=settings["author_email"],
    url=settings["git_url"],
    license="Apache-2.0",
    packages=find_packages(include=["npr", "npr.*"]),
    # Said although it is the default: an editable install is then a plain entry of the path, and `import npr` finds
    # the package even where a folder named npr, such as the clone itself, lies in the working directory.
    package_dir={"": "."},
    package_data={"npr": ["py.typed"], "npr.data": ["shipped/*"], "npr.viewer": ["static/*"]},
    python_requires=f">={settings['min_python']}",
    install_requires=settings["requirements"].split(),
    extras_require={"dev": settings["dev_requirements"].split(), "drive": settings["drive_requirements"].split(),
                    "video": settings["video_requirements"].split(),
                    "parallel": settings["parallel_requirements"].split()},
    entry_points={"console_scripts": settings["console_scripts"].split("\n")},
    zip_safe=False,
)
