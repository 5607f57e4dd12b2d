"""Networks: bridges, addresses, links into containers, rules, published ports and names."""
