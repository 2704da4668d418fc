package io.restunnel.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.Test;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** German says all that English does, with the same places to fill in. */
public final class TranslationsTest {
    private static final Pattern PLACE = Pattern.compile("%\\d\\$[sd]");

    @Test
    public void germanHasEverySentence() throws Exception {
        Map<String, String> english = placesOf("values");
        Map<String, String> german = placesOf("values-de");
        assertTrue(english.size() > 50);
        assertEquals(english, german);
    }

    /** By name of string or plural, the sorted places. */
    private static Map<String, String> placesOf(String folder) throws Exception {
        Map<String, String> places = new TreeMap<>();
        NodeList all = DocumentBuilderFactory.newInstance().newDocumentBuilder()
                .parse(new File("src/main/res/" + folder + "/strings.xml")).getDocumentElement().getElementsByTagName("*");
        for (int at = 0; at < all.getLength(); at++) {
            Element element = (Element) all.item(at);
            if (element.getAttribute("translatable").equals("false") || element.getTagName().equals("plurals")) continue;
            boolean isItem = element.getTagName().equals("item");
            String name = isItem ? ((Element) element.getParentNode()).getAttribute("name") + " " + element.getAttribute("quantity")
                    : element.getAttribute("name");
            TreeSet<String> found = new TreeSet<>();
            Matcher matcher = PLACE.matcher(element.getTextContent());
            while (matcher.find()) found.add(matcher.group());
            places.put(name, found.toString());
            assertTrue(name + " is empty", !element.getTextContent().trim().isEmpty());
        }
        return places;
    }
}
