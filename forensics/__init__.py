"""Exhibits, custody, examination methods, fusion, verdict and the case store."""
