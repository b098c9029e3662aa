"""Rules as people write them (YAML), checked and compiled. Needs PyYAML; never imported by the recorder."""
