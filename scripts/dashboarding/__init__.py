"""Saved objects of OpenSearch Dashboards, made from policies/dashboards/dashboards.yaml."""
