package views

import "strings"

// What a browser calls itself is a text that anybody may write, and that browsers
// have frozen: of its dozens of parts only a few names still mean something. A
// database of every name there ever was would promise to know more, and would
// have to be kept up to date; these are the names that people know their own
// browsers by. Whoever is not among them is called unknown.

// browserNames are asked in order: those that call themselves by several names
// come before the names that they borrow.
var browserNames = []struct{ mark, name string }{
	{"Edg/", "Microsoft Edge"},
	{"EdgA/", "Microsoft Edge"},
	{"EdgiOS/", "Microsoft Edge"},
	{"OPR/", "Opera"},
	{"OPT/", "Opera"},
	{"Vivaldi/", "Vivaldi"},
	{"SamsungBrowser/", "Samsung Internet"},
	{"YaBrowser/", "Yandex Browser"},
	{"DuckDuckGo/", "DuckDuckGo"},
	{"Ddg/", "DuckDuckGo"},
	{"FxiOS/", "Firefox"},
	{"Firefox/", "Firefox"},
	{"CriOS/", "Chrome"},
	{"Chromium/", "Chromium"},
	{"Chrome/", "Chrome"},
	{"Safari/", "Safari"},
	{"curl/", "curl"},
}

// systemNames are asked in order as well: telephones borrow the names of desktops.
var systemNames = []struct{ mark, name string }{
	{"iPhone", "iPhone"},
	{"iPad", "iPad"},
	{"Android", "Android"},
	{"CrOS", "ChromeOS"},
	{"Windows", "Windows"},
	{"Macintosh", "macOS"},
	{"Linux", "Linux"},
	{"FreeBSD", "FreeBSD"},
	{"OpenBSD", "OpenBSD"},
}

// browserOf is the browser and the system that a user agent names, "" for one
// that is not known.
func browserOf(userAgent string) (browser, system string) {
	for _, b := range browserNames {
		if strings.Contains(userAgent, b.mark) {
			browser = b.name
			break
		}
	}
	for _, s := range systemNames {
		if strings.Contains(userAgent, s.mark) {
			system = s.name
			break
		}
	}
	return browser, system
}
