package dns

import "strings"

// tags reads a list of tags as DKIM and DMARC write it: names to values, without
// white space. ok is false if it is none, or has a name twice; first is the name
// that it begins with.
func tags(text string) (values map[string]string, first string, ok bool) {
	values = map[string]string{}
	parts := strings.Split(strings.TrimRight(text, "; \t\r\n"), ";")
	for i, part := range parts {
		name, value, found := strings.Cut(part, "=")
		name = strings.Trim(name, " \t\r\n")
		if _, twice := values[name]; !found || twice || !tagName(name) {
			return nil, "", false
		}
		if i == 0 {
			first = name
		}
		values[name] = strings.Map(func(r rune) rune {
			if strings.ContainsRune(" \t\r\n", r) {
				return -1
			}
			return r
		}, value)
	}
	return values, first, true
}

func tagName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_') {
			return false
		}
	}
	return name != ""
}
