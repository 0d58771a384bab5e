"""The direct channel: campaign managers to OCS."""
